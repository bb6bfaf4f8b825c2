package unikernel

import (
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

func TestTraceNamesTheCalls(t *testing.T) {
	newBackend(t, Config{})
	for _, lang := range []isolation.Language{isolation.NodeJS, isolation.Python} {
		t.Run(string(lang), func(t *testing.T) {
			calls, err := Trace(t.Context(), runtimetest.Interpreter(t, lang))
			if err != nil {
				t.Fatal(err)
			}
			count := map[string]uint32{}
			for _, c := range calls {
				count[c.Name] = c.Count
				if c.Unknown > 0 {
					t.Logf("unknown to the library OS: %s, %d times", c.Name, c.Unknown)
				}
			}
			if count["read"] == 0 || count["mmap"] == 0 {
				t.Errorf("a language runtime that neither reads nor maps: %v", calls)
			}
		})
	}
}
