package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
)

const (
	zramControl = "/sys/class/zram-control" // Documentation/admin-guide/blockdev/zram.rst
	swapNotes   = "/run/lambdabench/swap"   // a directory for each Swap that there is, named for its owner
	swapPrefix  = "zram-"
)

// Swap is a swap device in compressed memory (zram) that is there for one trial. The
// whole host can use the device, so nothing else should be short of memory meanwhile.
type Swap struct {
	note   string // directory; holds the device's number
	number int    // below 0: not made yet
}

// CanSwap names what this host lacks for a Swap.
func CanSwap() error {
	if os.Geteuid() != 0 {
		return errors.New("only root can make a swap device")
	}
	if _, err := os.Stat(filepath.Join(zramControl, "hot_add")); err != nil {
		return errors.New("the kernel has no zram, a device in compressed memory (modprobe zram)")
	}
	for _, tool := range []string{"mkswap", "swapon", "swapoff"} {
		if _, err := swapTool(tool); err != nil {
			return fmt.Errorf("there is no %s (apt-get install util-linux)", tool)
		}
	}
	return nil
}

// OpenSwap makes a device for so many bytes of pages before compression, and removes
// those that killed runs left.
func OpenSwap(ctx context.Context, size int64) (_ *Swap, err error) {
	if err := errors.Join(sweepSwap(), os.MkdirAll(swapNotes, 0o700)); err != nil {
		return nil, fmt.Errorf("remove what a killed run left: %w", err)
	}
	s := &Swap{note: filepath.Join(swapNotes, cgroup.OwnedName(swapPrefix)), number: -1}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("make swap device: %w", err), s.Close())
		}
	}()
	if err := os.Mkdir(s.note, 0o700); err != nil {
		return nil, err
	}
	// Reading makes a device.
	if s.number, err = readNumber(filepath.Join(zramControl, "hot_add")); err != nil {
		return nil, err
	}
	if err := os.WriteFile(s.noteFile(), []byte(strconv.Itoa(s.number)), 0o600); err != nil {
		return nil, err
	}
	if err := writeText(s.file("disksize"), strconv.FormatInt(size, 10)); err != nil {
		return nil, err
	}
	if err := runTool(ctx, "mkswap", "-q", s.device()); err != nil {
		return nil, err
	}
	return s, runTool(ctx, "swapon", "--priority", "32767", s.device())
}

func (s *Swap) noteFile() string        { return filepath.Join(s.note, "number") }
func (s *Swap) device() string          { return fmt.Sprintf("/dev/zram%d", s.number) }
func (s *Swap) file(name string) string { return fmt.Sprintf("/sys/block/zram%d/%s", s.number, name) }

// Used is the memory that the swapped pages take now, compressed, in bytes: the third
// field of mm_stat. Used of nil is 0.
func (s *Swap) Used() (int64, error) {
	if s == nil {
		return 0, nil
	}
	b, err := os.ReadFile(s.file("mm_stat"))
	if err != nil {
		return 0, fmt.Errorf("read swap device: %w", err)
	}
	fields := strings.Fields(string(b))
	if len(fields) < 3 {
		return 0, fmt.Errorf("read swap device: mm_stat is %q", b)
	}
	return atoi(fields[2]), nil
}

// Close brings back what is swapped and removes the device. Close of nil does nothing.
func (s *Swap) Close() error {
	if s == nil {
		return nil
	}
	if _, err := os.Stat(s.file("mm_stat")); err == nil {
		if on, err := swapsOn(s.device()); err != nil {
			return err
		} else if on {
			if err := runTool(context.Background(), "swapoff", s.device()); err != nil {
				return err
			}
		}
		if err := writeText(filepath.Join(zramControl, "hot_remove"), strconv.Itoa(s.number)); err != nil {
			return fmt.Errorf("remove swap device: %w", err)
		}
	}
	return os.RemoveAll(s.note)
}

func swapsOn(device string) (bool, error) {
	b, err := os.ReadFile("/proc/swaps")
	if err != nil {
		return false, fmt.Errorf("list swap devices: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		if fields := strings.Fields(line); len(fields) > 0 && fields[0] == device {
			return true, nil
		}
	}
	return false, nil
}

// sweepSwap removes the devices of runs that were killed.
func sweepSwap() error {
	var errs []error
	for _, note := range cgroup.Orphans(swapPrefix, swapNotes) {
		left := &Swap{note: note, number: -1}
		if n, err := readNumber(left.noteFile()); err == nil {
			left.number = n
		}
		errs = append(errs, left.Close())
	}
	return errors.Join(errs...)
}

// swapTool finds a command of util-linux, which is not on every user's PATH.
func swapTool(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return exec.LookPath(filepath.Join("/usr/sbin", name))
}

func runTool(ctx context.Context, name string, args ...string) error {
	path, err := swapTool(name)
	if err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, path, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return nil
}

func readNumber(path string) (int, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return -1, err
	}
	return strconv.Atoi(strings.TrimSpace(string(b)))
}

// writeText writes a file of sysfs, which must be there.
func writeText(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
