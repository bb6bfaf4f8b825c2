package unikernel

import (
	"fmt"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

func TestFunctionWithManyUCsGetsAZygote(t *testing.T) {
	for _, lang := range []isolation.Language{isolation.NodeJS, isolation.Python} {
		t.Run(string(lang), func(t *testing.T) {
			b := newBackend(t, Config{})
			base := baseSnapshot(t, b, lang, steps)
			s := functionSnapshot(t, b, base, function(t, lang, nopSource[lang])).(*snap)
			serve := func(n int, keep bool) {
				for i := range n {
					sb := deployed(t, b, s)
					for k := range 2 {
						if got := string(runtimetest.Invoke(t, sb, fmt.Sprint(i+k)).Payload); got != fmt.Sprint(i+k) {
							t.Fatalf("UC %d answers %s", i, got)
						}
					}
					if !keep {
						sb.Close()
						continue
					}
					t.Cleanup(func() { sb.Close() })
				}
			}
			serve(promoteAt, true)
			runtimetest.Eventually(t, "the snapshot has a zygote", func() bool { return s.holders() != nil })
			serve(10, false)
			sb := deployed(t, b, s)
			defer sb.Close()
			runtimetest.Invoke(t, sb, "1")
			third, err := b.Capture(t.Context(), sb)
			if err != nil {
				t.Fatal(err)
			}
			defer third.Close()
			t.Logf("pages: function %d, a run over it %d", s.layer.Count(), third.(*snap).layer.Count())
			if err := s.Close(); err != nil { // those above it stay usable
				t.Fatal(err)
			}
			again := deployed(t, b, third)
			defer again.Close()
			if got := string(runtimetest.Invoke(t, again, "5").Payload); got != "5" {
				t.Errorf("a snapshot over a promoted one answers %s", got)
			}
		})
	}
}
