package conformance

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// calls are the cases after which a sandbox goes on: they share one.
func (s *suite) calls(t *testing.T) {
	sb := s.load(t, s.function("index.handler"))
	run := func(name string, test func(t *testing.T, sb isolation.Sandbox)) {
		t.Run(name, func(t *testing.T) { test(t, sb) })
	}
	run("result", func(t *testing.T, sb isolation.Sandbox) {
		wantResult(t, invoke(t, sb, `{"do":"echo","value":{"a":[1,null,"x"]}}`), s.spaced(`{"a":[1,null,"x"]}`))
		wantResult(t, invoke(t, sb, do("nothing")), "null")
	})
	run("error", s.failure)
	run("log", s.logs)
	run("context", s.context)
	run("environment", s.environment)
	run("unicode and binary payload", s.payloads)
	run("huge payload", s.hugePayloads)
	run("reply that is no JSON", s.notJSON)
	run("event that is no JSON", func(t *testing.T, sb isolation.Sandbox) {
		res := invoke(t, sb, `{"do":`)
		if res.Outcome != isolation.Failed || res.Error.Type != isolation.TypeUnmarshal {
			t.Errorf("outcome %s, %v; want a %s", res.Outcome, res.Error, isolation.TypeUnmarshal)
		}
	})
	run("state is kept", func(t *testing.T, sb isolation.Sandbox) {
		invoke(t, sb, `{"do":"remember","value":"kept"}`)
		wantResult(t, invoke(t, sb, do("recall")), `"kept"`)
	})
	run("temporary file", func(t *testing.T, sb isolation.Sandbox) {
		wantResult(t, invoke(t, sb, do("writeTmp")), `"here"`)
	})
	run("usage", usage)
	if s.node() {
		run("async", func(t *testing.T, sb isolation.Sandbox) { wantResult(t, invoke(t, sb, do("async")), `"later"`) })
		run("promise that never settles", func(t *testing.T, sb isolation.Sandbox) {
			wantResult(t, invoke(t, sb, do("open")), "null")
		})
		run("thrown values", thrownValues)
	} else {
		run("coroutine", func(t *testing.T, sb isolation.Sandbox) {
			wantFailure(t, invoke(t, sb, do("coroutine")), isolation.TypeMarshal, "coroutine is not JSON serializable")
		})
	}
	run("alive at the end", func(t *testing.T, sb isolation.Sandbox) {
		wantResult(t, invoke(t, sb, `{"do":"echo","value":1}`), "1")
	})
}

// spaced is a compact JSON text as the language's own encoder spaces it.
func (s *suite) spaced(compact string) string {
	if s.node() {
		return compact
	}
	return strings.NewReplacer(",", ", ", ":", ": ").Replace(compact)
}

func wantFailure(t testing.TB, res isolation.Result, errorType, message string) {
	t.Helper()
	if res.Outcome != isolation.Failed || res.Error == nil || res.Error.Type != errorType ||
		!strings.Contains(res.Error.Message, message) {
		t.Errorf("outcome %s, error %v; want %s with %q", res.Outcome, res.Error, errorType, message)
	}
}

func (s *suite) failure(t *testing.T, sb isolation.Sandbox) {
	res := invoke(t, sb, do("throw"))
	wantFailure(t, res, "TypeError", "boom")
	trace := strings.Join(append(res.Error.Trace, res.Error.StackTrace...), "\n")
	if !strings.Contains(trace, "/var/task/index.") || strings.Contains(trace, s.packages) {
		t.Errorf("stack %q does not name the function's file as the function knows it", trace)
	}
	if !s.node() && (res.Error.RequestID != requestID || strings.Contains(trace, "^") || len(res.Error.Trace) > 0) {
		t.Errorf("error %+v is not in the form of AWS's client for Python", res.Error)
	}
	if res.Error.Fatal {
		t.Error("a thrown error counts as the end of the sandbox")
	}
	wantResult(t, invoke(t, sb, `{"do":"echo","value":"after an error"}`), `"after an error"`)
}

func thrownValues(t *testing.T, sb isolation.Sandbox) {
	wantFailure(t, invoke(t, sb, do("throwString")), "string", "just text")
	if res := invoke(t, sb, do("throwNothing")); res.Outcome != isolation.Failed {
		t.Errorf("a rejection with undefined gave %s", res.Outcome)
	}
}

func (s *suite) logs(t *testing.T, sb isolation.Sandbox) {
	logs := string(invoke(t, sb, do("print")).Logs)
	for _, want := range []string{"from the log\n", "from the error 42\n", "from stdout\n"} {
		if !strings.Contains(logs, want) {
			t.Errorf("log %q lacks %q", logs, want)
		}
	}
	if s.node() && !strings.Contains(logs, "\t"+requestID+"\tINFO\tfrom the log") {
		t.Errorf("log %q is not in AWS's form", logs)
	}
	if !s.node() && !strings.Contains(logs, "\t"+requestID+"\tfrom logging") {
		t.Errorf("log %q lacks logging's line in AWS's form", logs)
	}
	if again := invoke(t, sb, `{"do":"echo","value":1}`).Logs; len(again) != 0 {
		t.Errorf("the next invocation has the log %q", again)
	}
	res := invoke(t, sb, `{"do":"printMuch","lines":2000}`)
	if n := len(res.Logs); res.Outcome != isolation.OK || n < isolation.MaxLogBytes || n > isolation.MaxLogBytes+200 {
		t.Errorf("2 MB of log gave %s and %d bytes, want %d and a note", res.Outcome, n, isolation.MaxLogBytes)
	}
}

func (s *suite) context(t *testing.T, sb isolation.Sandbox) {
	type seen struct {
		ID, Name, Version, ARN, Memory string
		Remaining                      float64
		Client                         struct{ Custom map[string]string }
	}
	got := mustSucceed[seen](t, invokeFor(t, sb, do("context"), patience))
	fn := s.function("")
	if got.ID != requestID || got.Name != fn.Name || got.Version != fn.Version ||
		got.ARN != fn.ARN || got.Memory != "1024" {
		t.Errorf("context %+v", got)
	}
	if got.Remaining <= 0 || got.Remaining > float64(patience.Milliseconds()) {
		t.Errorf("%v ms remain of %v", got.Remaining, patience)
	}
	if got.Client.Custom["k"] != "v" {
		t.Errorf("client context %v", got.Client)
	}
}

func (s *suite) environment(t *testing.T, sb isolation.Sandbox) {
	t.Setenv("PLATFORM_SECRET", "hidden")
	type seen struct {
		Own, Name, Root, Cwd string
		Secret               *string
	}
	got := mustSucceed[seen](t, invoke(t, sb, do("environment")))
	if got.Own != "of the function" || got.Name != "conformance" || got.Root == "" || got.Root != got.Cwd {
		t.Errorf("environment %+v", got)
	}
	if got.Secret != nil {
		t.Error("the platform's environment leaks into the sandbox")
	}
}

func (s *suite) payloads(t *testing.T, sb isolation.Sandbox) {
	var all strings.Builder
	for r := rune(0); r < 0x300; r++ {
		all.WriteRune(r)
	}
	for _, text := range []string{all.String(), "日本語 🦊 \u2028", strings.Repeat("é", 70_000)} {
		value, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		res := invoke(t, sb, `{"do":"echo","value":`+string(value)+`}`)
		if got := mustSucceed[string](t, res); got != text {
			t.Errorf("%.60q came back as %.60q", text, got)
		}
	}
	// A lone surrogate is legal JSON and no legal UTF-8.
	if res := invoke(t, sb, `{"do":"echo","value":"\ud800"}`); res.Outcome != isolation.OK || !json.Valid(res.Payload) {
		t.Errorf("a lone surrogate gave %s, %.80q", res.Outcome, res.Payload)
	}
}

func (s *suite) hugePayloads(t *testing.T, sb isolation.Sandbox) {
	const room = 64 // for what is around the text
	event := func(n int) string { return `{"do":"size","value":"` + strings.Repeat("x", n) + `"}` }
	n := isolation.MaxPayloadBytes - room
	wantResult(t, invoke(t, sb, event(n)), fmt.Sprint(n))
	if got := mustSucceed[string](t, invoke(t, sb, fmt.Sprintf(`{"do":"big","bytes":%d}`, n))); len(got) != n {
		t.Errorf("a reply of %d bytes came as %d", n, len(got))
	}
	for _, over := range []int{isolation.MaxPayloadBytes, 100 << 20} {
		res := invoke(t, sb, fmt.Sprintf(`{"do":"big","bytes":%d}`, over))
		wantFailure(t, res, isolation.TypeTooLargeReply, "payload size exceeded")
	}
	_, err := sb.Invoke(t.Context(), invocation(event(isolation.MaxPayloadBytes), patience))
	if !errors.Is(err, isolation.ErrPayloadTooLarge) {
		t.Errorf("an event over the limit gave %v", err)
	}
}

func (s *suite) notJSON(t *testing.T, sb isolation.Sandbox) {
	for _, name := range []string{"circular", "unserializable", "nan"} {
		if name == "nan" && s.node() {
			continue // JSON.stringify makes it null
		}
		if res := invoke(t, sb, do(name)); res.Outcome != isolation.Failed || res.Error.Type != isolation.TypeMarshal {
			t.Errorf("%s: outcome %s, %v; want a %s", name, res.Outcome, res.Error, isolation.TypeMarshal)
		}
	}
}

func usage(t *testing.T, sb isolation.Sandbox) {
	u, err := sb.Usage()
	if err != nil {
		t.Fatal(err)
	}
	if u.MemoryBytes < 64<<10 || u.MemoryBytes > 2<<30 || u.Source == "" {
		t.Errorf("usage %+v", u)
	}
	if u.CPU <= 0 {
		t.Errorf("no CPU time in usage %+v", u)
	}
}
