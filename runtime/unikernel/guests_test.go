package unikernel

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/rootfs"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
	"github.com/lambdabench/lambdabench/runtime/unikernel/image"
	"github.com/lambdabench/lambdabench/runtime/unikernel/program"
)

// A lab runs programs of an image in UCs.
type lab struct{ *program.Host }

// newLab makes an image from what fill adds. It skips the test when the host has no C compiler or cannot host a
// unikernel context at all.
func newLab(t testing.TB, fill func(dir string, b *rootfs.Tree)) lab {
	t.Helper()
	if err := probed(); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	var b rootfs.Tree
	fill(dir, &b)
	f, err := os.Create(filepath.Join(dir, "image"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := image.Write(f, &b); err != nil {
		t.Fatal(err)
	}
	h, err := program.Start(context.Background(), f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return lab{h}
}

// warnings are those that show a mistake of a guest under every version of the compiler. Others come of what guests
// do on purpose: they hand bad pointers to calls.
var warnings = []string{"-Werror=implicit-function-declaration", "-Werror=format", "-Werror=return-type",
	"-Werror=int-conversion", "-Werror=unused-variable"}

func compile(t testing.TB, out string, args ...string) {
	t.Helper()
	cc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("no C compiler (gcc) on this host")
	}
	args = slices.Concat([]string{"-O1", "-pthread", "-o", out}, warnings, args)
	if msg, err := exec.Command(cc, args...).CombinedOutput(); err != nil {
		t.Fatalf("compile %v: %v\n%s", args, err, msg)
	}
}

// run runs a program and returns all that it printed, the library OS's last words, and the exit status.
func (l lab) run(t *testing.T, p program.Program) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	var out bytes.Buffer
	p.Env = []string{"PATH=/usr/bin:/bin", "HOME=/tmp", "LANG=C.UTF-8"}
	p.Console = func(_ uint32, text []byte) { out.Write(text) }
	end, err := l.Run(ctx, p)
	if err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	if end.Why != "" {
		fmt.Fprintf(&out, "%s\n", end.Why)
	}
	return out.String(), end.Status
}

// echo is a world where every connection is accepted by a peer that sends all back, except to port 1 and to loopback,
// which refuse. Datagrams come back too. So does credit: the peer keeps nothing, and has room when the UC has.
func echo(send func(abi.Msg, []byte) error, m abi.Msg, payload []byte) {
	switch m.Type {
	case abi.Open:
		to, _, err := abi.ParseAddr(payload)
		if err != nil {
			return // the guest waits until the test's deadline
		}
		m = abi.Msg{Type: abi.Opened, ID: m.ID}
		payload = abi.AppendAddr(nil, netip.MustParseAddrPort("10.0.2.15:40000"))
		if to.Port() == 1 || to.Addr() == netip.AddrFrom4([4]byte{127, 0, 0, 1}) {
			m.Arg, payload = uint32(syscall.ECONNREFUSED), nil
		}
		m.Len = uint32(len(payload))
	case abi.Stream, abi.Credit, abi.Fin, abi.Dgram:
	default:
		return
	}
	_ = send(m, payload) // fails when the UC has ended
}

// guestMemory is the limit of a guest in bytes: greedy.c takes all of it.
const guestMemory = 200_000_000

// Each program under guests/ proves one subject of the libOS and prints SUCCESS.
func TestGuests(t *testing.T) {
	sources, err := filepath.Glob("csrc/guests/*.c")
	if err != nil || len(sources) == 0 {
		t.Fatalf("no guests (%v)", err)
	}
	l := newLab(t, func(dir string, b *rootfs.Tree) { addGuests(t, dir, b, sources) })
	for _, s := range sources {
		name := strings.TrimSuffix(filepath.Base(s), ".c")
		t.Run(name, func(t *testing.T) {
			out, status := l.run(t, program.Program{
				Args: []string{"/guest/" + name}, Memory: guestMemory, Flags: abi.FlagTrace, Network: echo,
			})
			if status != 0 || !strings.HasSuffix(out, "SUCCESS\n") {
				t.Errorf("status %d\n%s", status, out)
			}
		})
	}
}

// What a guest does to the libOS and to the filter ends that guest, each in its own way, and nothing else.
func TestHostileGuestsDie(t *testing.T) {
	const (
		killedByFilter = 128 + int(syscall.SIGSYS)
		guestDied      = 120 // UC_EXIT_SIGNAL
		libOSDied      = 125 // UC_EXIT_LIBOS
	)
	l := newLab(t, func(dir string, b *rootfs.Tree) { addGuests(t, dir, b, []string{"csrc/guests/hostile.c"}) })
	for _, c := range []struct {
		way    string
		status int
	}{
		{"stub 2", killedByFilter},   // open
		{"stub 41", killedByFilter},  // socket
		{"stub 56", killedByFilter},  // clone
		{"stub 59", killedByFilter},  // execve
		{"stub 62", killedByFilter},  // kill
		{"stub 101", killedByFilter}, // ptrace
		{"stub 131", killedByFilter}, // sigaltstack, which has an instruction of its own
		{"stub 157", killedByFilter}, // prctl
		{"reset 131", killedByFilter},
		{"reset 231", killedByFilter}, // exit_group
		{"stub 425", killedByFilter},  // io_uring_setup
		{"mmap", killedByFilter},
		{"mapfile", killedByFilter},
		{"madvise", killedByFilter},
		{"sendto", killedByFilter},
		{"direct", killedByFilter}, // or, where the kernel serves no 32-bit programs, guestDied
		{"text", guestDied},
		{"host", guestDied},
		{"state", libOSDied},
	} {
		t.Run(c.way, func(t *testing.T) {
			out, status := l.run(t, program.Program{Args: append([]string{"/guest/hostile"}, strings.Fields(c.way)...)})
			if c.way == "direct" && status == guestDied {
				status = c.status
			}
			if status != c.status || strings.Contains(out, "came back") {
				t.Errorf("status %d, want %d\n%s", status, c.status, out)
			}
		})
	}
}

// FuzzCalls gives the libOS random calls; a guest may die of them, the libOS may not.
func FuzzCalls(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(seed)
	}
	l := newLab(f, func(dir string, b *rootfs.Tree) { addGuests(f, dir, b, []string{"csrc/guests/fuzz.c"}) })
	f.Fuzz(func(t *testing.T, seed uint64) {
		out, status := l.run(t, program.Program{
			Args: []string{"/guest/fuzz", strconv.FormatUint(seed, 10), "5000"}, Memory: guestMemory,
		})
		if status != 0 {
			t.Errorf("status %d\n%q", status, out[max(0, len(out)-500):])
		}
	})
}

func addGuests(t testing.TB, dir string, b *rootfs.Tree, sources []string) {
	t.Helper()
	for _, s := range sources {
		name := strings.TrimSuffix(filepath.Base(s), ".c")
		exe := filepath.Join(dir, name)
		compile(t, exe, s)
		addRenamed(t, b, exe, "/guest/"+name, 0o755)
		if err := b.AddLibraries(exe); err != nil {
			t.Fatal(err)
		}
	}
	b.AddFile("/etc/passwd", 0o644, []byte("root:x:0:0:root:/tmp:/bin/sh\n"))
}

func addRenamed(t testing.TB, b *rootfs.Tree, host, guest string, perm fs.FileMode) {
	t.Helper()
	data, err := os.ReadFile(host)
	if err != nil {
		t.Fatal(err)
	}
	b.AddFile(guest, perm, data)
}

// Real programs of the host, unmodified, with the parts of their libraries that functions use.
func TestRuntimes(t *testing.T) {
	for _, c := range []struct {
		name, program, script string
		flags                 []string
		trees                 []string
	}{
		{"python3", "/usr/bin/python3", "testdata/guest.py", nil, []string{"/usr/lib/python3.11", "/etc/ssl/certs"}},
		{"node", "/usr/bin/node", "testdata/guest.js",
			[]string{"--single-threaded", "--v8-pool-size=0", "--disable-wasm-trap-handler"}, nil},
		{"node with threads", "/usr/bin/node", "testdata/guest.js", []string{"--disable-wasm-trap-handler"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := os.Stat(c.program); err != nil {
				t.Skipf("the host has no %s", c.program)
			}
			l := newLab(t, func(_ string, b *rootfs.Tree) {
				if err := b.AddProgram(c.program); err != nil {
					t.Fatal(err)
				}
				for _, tree := range c.trees {
					if err := b.AddTree(tree, nil); err != nil {
						t.Skipf("the host lacks %s: %v", tree, err)
					}
				}
				modules, _ := filepath.Glob("/usr/lib/python3.11/lib-dynload/*.so")
				for _, m := range modules {
					if err := b.AddLibraries(m); err != nil {
						t.Fatal(err)
					}
				}
				b.AddFile("/etc/hosts", 0o644, []byte("127.0.0.1 localhost\n"))
				addRenamed(t, b, c.script, "/guest/"+filepath.Base(c.script), 0o644)
			})
			script := "/guest/" + filepath.Base(c.script)
			args := slices.Concat([]string{c.program}, c.flags, []string{script})
			out, status := l.run(t, program.Program{Args: args})
			if status != 0 || !strings.HasSuffix(out, "SUCCESS\n") {
				t.Errorf("status %d\n%s", status, out)
			}
		})
	}
}
