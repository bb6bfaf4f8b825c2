package csrc

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
)

// A checkedIn is a binary that lies beside its sources, in the directory of its build.sh.
type checkedIn struct {
	dir, file string
	sources   []string // patterns, as in build.sh
	id        func(t *testing.T, data []byte) []byte
}

var checkedInBinaries = []checkedIn{
	{"libos", "libos.elf",
		[]string{"*/*.[chS]", "*.ld", "build.sh", "vdso/*.ld", "vdso/*.map", "../common/*.[ch]", "../../abi/*.h"},
		libosID},
	{"tender", "tender.elf", []string{"*.[chS]", "*.ld", "build.sh", "../common/*.[ch]", "../../abi/*.h"}, tenderID},
}

func openELF(t *testing.T, data []byte) *elf.File {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// libosID is uc_libos.id.
func libosID(t *testing.T, data []byte) []byte {
	t.Helper()
	text, err := io.ReadAll(openELF(t, data).Progs[0].Open())
	if err != nil {
		t.Fatal(err)
	}
	h, err := abi.ParseLibOS(text)
	if err != nil {
		t.Fatal(err)
	}
	return h.ID[:]
}

// tenderID is the section .id (tender/id.c).
func tenderID(t *testing.T, data []byte) []byte {
	t.Helper()
	s := openELF(t, data).Section(".id")
	if s == nil {
		t.Fatal("the tender has no section .id")
	}
	id, err := s.Data()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// sum is the sha256 over the list of sources and their sums, as `sha256sum FILE... | sha256sum` prints it.
func (c checkedIn) sum(t *testing.T) []byte {
	t.Helper()
	var names []string
	for _, pattern := range c.sources {
		found, err := filepath.Glob(filepath.Join(c.dir, pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("no sources %s (%v)", pattern, err)
		}
		for _, f := range found {
			name, err := filepath.Rel(c.dir, f)
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, name)
		}
	}
	slices.Sort(names)
	all := sha256.New()
	for _, name := range slices.Compact(names) {
		data, err := os.ReadFile(filepath.Join(c.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(all, "%x  %s\n", sha256.Sum256(data), name)
	}
	return all.Sum(nil)
}

func TestCheckedInBinariesNameTheirSources(t *testing.T) {
	for _, c := range checkedInBinaries {
		data, err := os.ReadFile(filepath.Join(c.dir, c.file))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := c.id(t, data), c.sum(t); !bytes.Equal(got, want) {
			t.Errorf("%s was built from other sources (%x, now %x): run go generate ./runtime/unikernel/csrc", c.file,
				got, want)
		}
	}
}

// toolchain skips the test unless compiler and linker are those that made the checked-in binaries: csrc/toolchain has
// the first line that each prints of itself.
func toolchain(t *testing.T) {
	t.Helper()
	pinned, err := os.ReadFile("toolchain")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(pinned)), "\n")
	for i, tool := range []string{"gcc", "ld"} {
		out, err := exec.Command(tool, "--version").Output()
		if err != nil {
			t.Skipf("no %s on this host (%v)", tool, err)
		}
		if have, _, _ := strings.Cut(string(out), "\n"); have != lines[i] {
			t.Skipf("the binaries were made by %q, this host has %q", lines[i], have)
		}
	}
}

// An id alone proves nothing: whoever edits a binary can keep it.
func TestCheckedInBinariesAreWhatTheirSourcesBuild(t *testing.T) {
	toolchain(t)
	for _, c := range checkedInBinaries {
		t.Run(c.file, func(t *testing.T) {
			t.Parallel()
			out := t.TempDir()
			if msg, err := exec.Command("sh", filepath.Join(c.dir, "build.sh"), out).CombinedOutput(); err != nil {
				t.Fatalf("build: %v\n%s", err, msg)
			}
			want, err := os.ReadFile(filepath.Join(c.dir, c.file))
			if err != nil {
				t.Fatal(err)
			}
			built, err := os.ReadFile(filepath.Join(out, c.file))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(built, want) {
				t.Errorf("%s is not what its sources build: run go generate ./runtime/unikernel/csrc", c.file)
			}
		})
	}
}
