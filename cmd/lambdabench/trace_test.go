package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

func TestATraceRunsEveryCallOfItsFileAndHasItsTable(t *testing.T) {
	if _, err := isolation.FindInterpreter(t.Context(), "python"); err != nil {
		t.Skip(err)
	}
	calls := filepath.Join(t.TempDir(), "calls.csv")
	lines := "0,alice,nop,param,1200\n0,bob,nop,700\n1,alice,nop,400\n"
	if err := os.WriteFile(calls, []byte(lines), 0o644); err != nil {
		t.Fatal(err)
	}
	suite := write(t, fmt.Sprintf(`suite: calls
repeats: 1
settle: {busy: 1, wait: 1s}
runtimes: [python]
experiments: {trace: {file: %s, clients: 3}}
`, calls))
	code, stdout, stderr := command(t, "run", suite, "--backends", "process", "--out",
		filepath.Join(t.TempDir(), "run"))
	// backend, runtime, via, clients, n, errors
	row := regexp.MustCompile(`\n +process +python\S+ +gateway +3 +2,300 .* 0 +\S`)
	if code != exitOK || !row.MatchString(stdout) {
		t.Errorf("exit code %d, and no row of 2,300 calls in:\n%s%s", code, stdout, stderr)
	}
}
