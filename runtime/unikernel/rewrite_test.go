package unikernel

import (
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// A UC gets a page of code of its own only where one place calls again and again.
func TestCallsAreRewrittenAfterARestoreWhereOnePlaceRepeatsThem(t *testing.T) {
	const code = `
import ctypes, os

at = ctypes.cast(ctypes.CDLL(None).getppid, ctypes.c_void_p).value

def trapping():
    return b"\xb8\x6e\x00\x00\x00\x0f\x05" in ctypes.string_at(at, 16)

def handler(event, context):
    seen = [trapping()]
    for n in event:
        seen += [all(os.getppid() == 1 for _ in range(n)) and trapping()]
    return seen
`
	be := newBackend(t, Config{})
	sb := deployed(t, be, functionSnapshot(t, be, baseSnapshot(t, be, isolation.Python, nil),
		function(t, isolation.Python, code)))
	defer sb.Close()
	if got := string(runtimetest.Invoke(t, sb, "[10, 1000]").Payload); got != "[true, true, false]" {
		t.Errorf("the place traps before, after 10 and after 1010 calls: %s", got)
	}
}
