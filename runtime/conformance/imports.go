package conformance

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// imports are the ways to find a handler, and to fail at it. A sandbox each.
func (s *suite) imports(t *testing.T) {
	found := []struct{ name, handler, event, want string }{
		{"nested path", "deep/er/nested.handler", `{}`, `"er"`},
		{"ES module with top-level await", "module.handler", `{}`, `"awaited module.mjs"`},
		{"package of ES modules", "esm/index.handler", `{}`, `"esm package"`},
		{"module that looks at itself", "modules.handler", `{}`,
			`{"file":"modules.js","id":true,"cached":true,"esm":true,"loaded":[false,true],` +
				`"paths":true,"cwd":true,"parent":"string"}`},
		{"handler inside an object", "index.inner.handler", `{}`, `"inner"`},
		{"handler in node_modules", "wrapper.handler", `{}`, `"wrapped"`},
		{"index of a directory", "folder.handler", `{}`, `"index of folder"`},
		{"module named as one of the runtime's", "path.handler", `{}`, `"own path"`},
	}
	failing := []struct{ name, handler, errorType, message string }{
		{"syntax error", "syntax.handler", isolation.TypeSyntax, ""},
		{"code that throws", "throws.handler", "RangeError", "while loading"},
		{"missing module", "absent.handler", isolation.TypeImport, "absent"},
		{"missing dependency", "missing.handler", isolation.TypeImport, "a-module-that-is-not-there"},
		{"missing handler", "index.absent", isolation.TypeNoHandler, "index.absent is undefined or not exported"},
		{"handler that is no function", "index.notAFunction", isolation.TypeNoHandler,
			"index.notAFunction is not a function"},
		{"malformed handler name", "nothandler", isolation.TypeBadHandler, "nothandler"},
		{"handler outside the package", "../index.handler", isolation.TypeBadHandler, "../index.handler"},
		{"code that ends its process", "exits.handler", isolation.TypeExit, ""},
	}
	if !s.node() {
		found = []struct{ name, handler, event, want string }{
			{"nested path", "pkg/nested.handler", `{}`, `"pkg"`},
			{"dotted module", "pkg.nested.handler", `{}`, `"pkg"`},
			{"module named as one of the runtime's", "json.handler", `{}`, `"own json"`},
			{"package before a module of its name", "both.handler", `{}`, `"package"`},
			{"module that looks at itself", "modules.handler", `{}`,
				`{"name": "modules", "file": "modules.py", "cached": true, "spec": ["modules", true, true, true], ` +
					`"pickled": true, "cwd": true, "first": true}`},
		}
		failing[1].errorType = "RuntimeError"
		failing[3].message = "a_module_that_is_not_there"
		failing[4].message = "Handler 'absent' missing on module 'index'"
		failing[5].handler = "index.not_a_function"
		failing[5].message = "Handler 'not_a_function' missing on module 'index'"
		failing = append(failing, struct{ name, handler, errorType, message string }{
			"sys.exit", "sysexit.handler", isolation.TypeExit, ""})
	}
	for _, c := range found {
		t.Run(c.name, func(t *testing.T) {
			wantResult(t, invoke(t, s.load(t, s.function(c.handler)), c.event), c.want)
		})
	}
	if s.node() {
		t.Run("callbacks", s.callbacks)
	}
	for _, c := range failing {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			err := s.boot(t, isolation.Limits{}).Import(ctx, s.function(c.handler))
			var fe *isolation.FunctionError
			if !errors.As(err, &fe) || fe.Type != c.errorType || !strings.Contains(fe.Message, c.message) {
				t.Errorf("import gave %v, want %s with %q", err, c.errorType, c.message)
			}
		})
	}
	t.Run("nothing imported", func(t *testing.T) {
		inv := isolation.Invocation{ID: requestID, Payload: []byte("{}")}
		_, err := s.boot(t, isolation.Limits{}).Invoke(context.Background(), inv)
		if !errors.Is(err, isolation.ErrNothingToRun) {
			t.Errorf("invoke gave %v", err)
		}
	})
}

// callbacks are Node.js handlers of the old style.
func (s *suite) callbacks(t *testing.T) {
	sb := s.load(t, s.function("index.callback"))
	wantResult(t, invoke(t, sb, do("value")), `"called back"`)
	wantFailure(t, invoke(t, sb, do("error")), "RangeError", "called back in anger")
	waited := invoke(t, sb, do("wait"))
	if waited.Outcome != isolation.OK || !strings.Contains(string(waited.Logs), "the loop ran empty") {
		t.Errorf("the reply did not wait for the event loop: %s, logs %q", waited.Outcome, waited.Logs)
	}
	wantResult(t, invoke(t, sb, do("succeed")), `"by context"`)
	wantFailure(t, invoke(t, sb, do("fail")), "RangeError", "by context")
	wantResult(t, invoke(t, sb, do("done")), `"done"`)
	wantResult(t, invoke(t, sb, do("now")), `"without waiting"`)
	wantResult(t, invoke(t, sb, do("succeed")), `"by context"`)
}
