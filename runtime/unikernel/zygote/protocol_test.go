package zygote

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/unikernel/snapshot"
)

// The C compiler's idea of control.h against protocol.go.
func TestControlMirrorsTheHeader(t *testing.T) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler (cc) on the PATH to compile control.h with")
	}
	want := map[string]int{
		"TC_MAGIC": tcMagic, "TC_RUN": opRun, "TC_ZYGOTE": opZygote, "TC_FORK": opFork, "TC_KILL": opKill,
		"TC_CAPTURE": opCapture,
		"TC_SCAN":    opScan, "TC_COPY": opCopy, "TC_LIMIT": opLimit, "TC_STAT": opStat, "TC_FILE": opFile,
		"TC_PEEK": opPeek, "TC_WATCH": opWatch, "sizeof(struct tc_watched)": watchedSize, "TC_RESET": opReset,
		"TC_REUSE": opReuse, "TC_PATCHES": opPatches, "TC_EXTENTS_AT": extentsAt, "TC_COPIED": int(snapshot.Copied),
		"TC_MAPPED": int(snapshot.Mapped), "TC_ZEROED": int(snapshot.Zeroed),
		"TC_PREFETCH_WRITE": int(snapshot.PrefetchWrite), "TC_PREFETCH_READ": int(snapshot.PrefetchRead),
		"TC_PAGE_ZERO": snapshot.Zero, "TC_PAGE_SAME": snapshot.Same, "TC_PAGE_CANDIDATE": snapshot.Candidate,
		"TC_SHARED": flagShared, "TC_DIRECT": flagDirect, "TC_CANDIDATES": flagCandidates,
		"sizeof(struct tc_candidate)":        candidateSize,
		"offsetof(struct tc_candidate, off)": 8, "TC_SCRATCH": scratchSize, "TC_PACKET": packetMax,
		"TC_CHILDREN": MaxChildren, "sizeof(struct tc_order)": orderSize, "offsetof(struct tc_order, op)": 4,
		"offsetof(struct tc_order, id)": 8,
		"offsetof(struct tc_order, a)":  16, "offsetof(struct tc_order, b)": 24, "sizeof(struct tc_reply)": replySize,
		"offsetof(struct tc_reply, err)": 8, "offsetof(struct tc_reply, n)": 12, "offsetof(struct tc_reply, a)": 16,
		"sizeof(struct tc_extent)": extentSize, "offsetof(struct tc_extent, off)": 8,
		"offsetof(struct tc_extent, pages)": 16,
		"offsetof(struct tc_extent, kind)":  20, "offsetof(struct tc_extent, file)": 22,
		"sizeof(struct tc_run)":        runSize,
		"offsetof(struct tc_run, how)": 8, "offsetof(struct tc_run, pid)": 16, "offsetof(struct tc_run, extents)": 24,
		"offsetof(struct tc_run, argc)": 32, "offsetof(struct tc_run, exe_off)": 40,
		"offsetof(struct tc_run, spilled)":   44,
		"offsetof(struct tc_run, mem_limit)": 48, "offsetof(struct tc_run, image_size)": 56,
		"offsetof(struct tc_run, entropy)": 64,
		"offsetof(struct tc_run, machine)": 128, "offsetof(struct tc_run, max_threads)": 160,
		"offsetof(struct tc_run, patches)": 168, "sizeof(struct tc_machine)": machineSize,
		"sizeof(struct tc_page)": pageSize, "offsetof(struct tc_page, off)": 8, "offsetof(struct tc_page, pages)": 16,
		"offsetof(struct tc_page, flags)": 20,
	}
	src := "#include <stddef.h>\n#include \"control.h\"\n"
	for expr, value := range want {
		src += fmt.Sprintf("_Static_assert((%s) == %d, \"%s\");\n", expr, value, expr)
	}
	file := filepath.Join(t.TempDir(), "check.c")
	if err := os.WriteFile(file, []byte(src), 0o644); err != nil {
		t.Fatal(err)
	}
	here, err := filepath.Abs("../csrc/tender")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(cc, "-fsyntax-only", "-I", here, file).CombinedOutput(); err != nil {
		t.Fatalf("control.h and protocol.go differ:\n%s", out)
	}
}
