package unikernel

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"testing"
)

// sourceID is what build.sh puts into struct uc_libos: the sha256 over the list of sources and their sums.
func sourceID(t *testing.T) []byte {
	t.Helper()
	var sources []string
	for _, pattern := range []string{"*/*.[chS]", "*.ld", "build.sh", "vdso/*.ld", "vdso/*.map", "../common/*.[ch]", "../../abi/*.h"} {
		found, err := filepath.Glob(filepath.Join("csrc/libos", pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("no sources %s (%v)", pattern, err)
		}
		sources = append(sources, found...)
	}
	for i, s := range sources {
		relative, err := filepath.Rel("csrc/libos", s)
		if err != nil {
			t.Fatal(err)
		}
		sources[i] = relative
	}
	sort.Strings(sources)
	all := sha256.New()
	for _, s := range sources {
		data, err := os.ReadFile(filepath.Join("csrc/libos", s))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(all, "%x  %s\n", sha256.Sum256(data), s)
	}
	return all.Sum(nil)
}

func segment(t *testing.T) (*elf.File, []byte) {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(libosELF))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Progs) != 1 {
		t.Fatalf("the libOS has %d segments, want one", len(f.Progs))
	}
	text, err := io.ReadAll(f.Progs[0].Open())
	if err != nil {
		t.Fatal(err)
	}
	return f, text
}

func TestBinaryIsBuiltFromTheseSources(t *testing.T) {
	_, text := segment(t)
	const headerOffset, idOffset = 64, 8 // struct uc_libos
	got := text[headerOffset+idOffset:][:sha256.Size]
	if want := sourceID(t); !bytes.Equal(got, want) {
		t.Fatalf("libos.elf was built from other sources (%x, now %x): run go generate ./runtime/unikernel", got[:6], want[:6])
	}
}

func TestLibOSHasNoWritableMemory(t *testing.T) {
	f, text := segment(t)
	p := f.Progs[0]
	if p.Flags != elf.PF_R|elf.PF_X {
		t.Errorf("segment flags are %v, want read and execute", p.Flags)
	}
	if p.Filesz != p.Memsz {
		t.Errorf("segment has %d bytes of bss: mutable state belongs into the region", p.Memsz-p.Filesz)
	}
	if want := uint64(0x7e0000000000); p.Vaddr != want {
		t.Errorf("linked at %#x, want %#x", p.Vaddr, want)
	}
	if len(text) > 1<<20 {
		t.Errorf("libOS is %d bytes, but the host block follows 1 MB after it", len(text))
	}
}

// The seccomp filter knows this address (UC_STUB_IP).
func TestTheHostCallStubComesFirst(t *testing.T) {
	_, text := segment(t)
	if !bytes.HasPrefix(text, []byte{0x0f, 0x05, 0xc3}) {
		t.Fatalf("the libOS begins with % x, want syscall; ret", text[:3])
	}
}
