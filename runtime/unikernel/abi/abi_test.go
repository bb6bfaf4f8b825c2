package abi

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The C compiler's idea of the headers against this package's.
func TestMirrorsTheHeaders(t *testing.T) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler (cc) on the PATH to compile uc.h with")
	}
	want := []struct {
		expr  string
		value uint64
	}{
		{"UC_ABI", Version}, {"UC_MAGIC", Magic},
		{"UC_LOW", Low}, {"UC_LOW_END", LowEnd}, {"UC_HIGH", High}, {"UC_HIGH_END", HighEnd}, {"UC_STATE", State},
		{"UC_IMAGE", Image}, {"UC_LIBOS", LibOS}, {"UC_HOST", Host}, {"UC_HOST_SIZE", HostSize},
		{"UC_STACK", Stack}, {"UC_STACK_SIZE", StackSize}, {"UC_TENDER", Tender}, {"UC_TENDER_SIZE", TenderSize},
		{"UC_BOOT", Boot}, {"UC_RESUME", Resume}, {"UC_F_TRACE", FlagTrace}, {"UC_F_STRACE", FlagStrace},
		{"UC_MSG_DATA", uint64(Data)}, {"UC_MSG_CONSOLE", uint64(Console)}, {"UC_MSG_EXIT", uint64(Exit)},
		{"UC_MSG_OPEN", uint64(Open)}, {"UC_MSG_OPENED", uint64(Opened)}, {"UC_MSG_STREAM", uint64(Stream)},
		{"UC_MSG_FIN", uint64(Fin)}, {"UC_MSG_RESET", uint64(Reset)}, {"UC_MSG_CREDIT", uint64(Credit)},
		{"UC_MSG_DGRAM", uint64(Dgram)},
		{"UC_MSG_SLEEP", uint64(Sleep)}, {"UC_MSG_FILE", uint64(Files)},
		{"sizeof(struct uc_file)", FileSize}, {"offsetof(struct uc_file, path)", 4},
		{"offsetof(struct uc_file, size)", 8},
		{"offsetof(struct uc_file, off)", 16}, {"offsetof(struct uc_file, bytes)", 24},
		{"UC_TID_MIN", FirstTID}, {"UC_MSG_MAX", MsgMax}, {"UC_WINDOW", Window}, {"UC_EXIT_F_MEMORY", ExitFlagMemory},
		{"UC_EXIT_OK", uint64(ExitOK)}, {"UC_EXIT_SIGNAL", uint64(ExitSignal)}, {"UC_EXIT_ORPHAN", uint64(ExitOrphan)},
		{"UC_EXIT_MEMORY", uint64(ExitMemory)}, {"UC_EXIT_DEADLOCK", uint64(ExitDeadlock)},
		{"UC_EXIT_REFUSED", uint64(ExitRefused)}, {"UC_EXIT_LIBOS", uint64(ExitLibOS)},
		{"UC_EXIT_UNBORN", uint64(ExitUnborn)},
		{"sizeof(struct uc_msg)", MsgSize}, {"offsetof(struct uc_msg, flags)", 2}, {"offsetof(struct uc_msg, id)", 4},
		{"offsetof(struct uc_msg, arg)", 8}, {"offsetof(struct uc_msg, len)", 12},
		{"sizeof(struct uc_addr)", addrSize}, {"offsetof(struct uc_addr, port)", 2},
		{"offsetof(struct uc_addr, ip)", 4},
		{"UC_LIBOS_HEADER - UC_LIBOS", HeaderOffset}, {"sizeof(struct uc_libos)", libOSSize},
		{"UC_ALTSTACK - UC_LIBOS_HEADER", 88}, {"offsetof(struct uc_libos, altstack)", 88},
		{"offsetof(struct uc_libos, id)", 8}, {"offsetof(struct uc_libos, state_size)", 64},
		{"UC_DISCARDS", MaxDiscards}, {"sizeof(struct uc_state)", StateSize},
		{"offsetof(struct uc_state, libos_id)", 8},
		{"offsetof(struct uc_state, quiescent)", 40}, {"offsetof(struct uc_state, threads)", 44},
		{"offsetof(struct uc_state, low_top)", 48}, {"offsetof(struct uc_state, high_top)", 56},
		{"offsetof(struct uc_state, committed)", 64}, {"offsetof(struct uc_state, committed_peak)", 72},
		{"offsetof(struct uc_state, calls_off)", 88}, {"offsetof(struct uc_state, unknown_off)", 96},
		{"offsetof(struct uc_state, discards)", 104}, {"offsetof(struct uc_state, wakes)", 108},
		{"offsetof(struct uc_state, uncharged)", 112}, {"offsetof(struct uc_state, discard)", 120},
	}
	dir := t.TempDir()
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	src := "#include <stddef.h>\n#include \"uc.h\"\n"
	for i, w := range want {
		src += fmt.Sprintf("_Static_assert((unsigned long long)(%s) == %#xull, \"%d\");\n", w.expr, w.value, i)
	}
	file := filepath.Join(dir, "check.c")
	if err := os.WriteFile(file, []byte(src), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(cc, "-fsyntax-only", "-I", here, file).CombinedOutput(); err != nil {
		t.Fatalf("uc.h and package abi differ:\n%s", out)
	}
}

func TestMessageSurvivesEncoding(t *testing.T) {
	var b [MsgSize]byte
	m := Msg{Type: Stream, Flags: 3, ID: 7, Arg: 9, Len: 5}
	m.Put(b[:])
	got, err := ParseMsg(b[:], MsgSize+5)
	if err != nil || got != m {
		t.Fatalf("%+v, %v", got, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(make([]byte, StateSize), 20)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		if m, err := ParseMsg(b, n); err == nil && int(m.Len)+MsgSize != n {
			t.Fatalf("accepted %+v for %d bytes", m, n)
		}
		if s, err := ParseState(b); err == nil {
			for _, r := range s.Discard {
				if !InRegion(r) {
					t.Fatalf("accepted range %#x", r)
				}
			}
		}
		ParseLibOS(b)
		ParseAddr(b)
	})
}
