package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/runtime"
	"github.com/lambdabench/lambdabench/runtime/unikernel"
)

func TestDoctorTracesSystemCallsOfUCs(t *testing.T) {
	var lacks *runtime.Unavailable
	if err := unikernel.New(unikernel.Config{}).Probe(t.Context()); errors.As(err, &lacks) {
		t.Skip(err)
	}
	code, stdout, stderr := command(t, "doctor", "--uc-trace")
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	for _, in := range runtime.Interpreters(t.Context()) {
		if !strings.Contains(stdout, in.Runtime) {
			t.Errorf("nothing on %s in:\n%s", in.Runtime, stdout)
		}
	}
	if !strings.Contains(stdout, "  openat") {
		t.Errorf("no call of a runtime that starts in:\n%s", stdout)
	}
}
