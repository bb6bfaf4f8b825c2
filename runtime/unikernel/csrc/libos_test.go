package csrc

import (
	"bytes"
	"debug/elf"
	"io"
	"testing"
)

func segment(t *testing.T) (*elf.File, []byte) {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(LibOS))
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
