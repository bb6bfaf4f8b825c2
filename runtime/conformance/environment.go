package conformance

import (
	"path"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// variables are the environment that AWS Lambda documents, and what a function
// sets of the runtime's own, which runs already.
func (s *suite) variables(t *testing.T) {
	t.Run("of AWS Lambda", s.documented)
	t.Run("trace", s.trace)
	t.Run("initialization", s.initialization)
	t.Run("set late", s.setLate)
}

func (s *suite) documented(t *testing.T) {
	fn := s.function("index.handler")
	fn.LogGroup, fn.LogStream = "/aws/lambda/conformance", "2026/11/30/[$LATEST]0"
	fn.Credentials = map[string]string{"AWS_ACCESS_KEY_ID": "key"}
	sb := s.bootAs(t, isolation.BootSpec{Environment: []string{"AWS_REGION=eu-test-1"}})
	s.importInto(t, sb, fn)
	got := mustSucceed[map[string]string](t, invoke(t, sb, do("variables")))
	for name, want := range map[string]string{
		"AWS_REGION": "eu-test-1", "AWS_EXECUTION_ENV": "AWS_Lambda_" + s.in.Runtime,
		"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME":      fn.LogGroup, "AWS_LAMBDA_LOG_STREAM_NAME": fn.LogStream,
		"AWS_LAMBDA_FUNCTION_NAME": fn.Name, "AWS_LAMBDA_FUNCTION_VERSION": fn.Version,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
		"_HANDLER":                        fn.Handler,
		"AWS_ACCESS_KEY_ID":               "key", "TZ": ":UTC", "LANG": "C.UTF-8", "OWN": "of the function",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	for _, name := range []string{"PATH", "LD_LIBRARY_PATH", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"} {
		if got[name] == "" {
			t.Errorf("%s is not set", name)
		}
	}
}

// initialization: a function in a snapshot started as one of SnapStart's does.
func (s *suite) initialization(t *testing.T) {
	snapper := s.snapshotter(t)
	base := capture(t, snapper, s.boot(t, isolation.Limits{}))
	loaded := deploy(t, snapper, base)
	s.importInto(t, loaded, s.function("index.handler"))
	function := capture(t, snapper, loaded)
	for want, sb := range map[string]isolation.Sandbox{
		"on-demand": loaded, "snap-start": deploy(t, snapper, function),
	} {
		got := mustSucceed[map[string]string](t, invoke(t, sb, do("variables")))["AWS_LAMBDA_INITIALIZATION_TYPE"]
		if got != want {
			t.Errorf("it is %s, want %s", got, want)
		}
	}
}

// trace: the variable is that of the call.
func (s *suite) trace(t *testing.T) {
	sb := s.load(t, s.function("index.handler"))
	for id, want := range map[string]string{"Root=1-2;Sampled=0": `"Root=1-2;Sampled=0"`, "": "null"} {
		inv := invocation(do("trace"), patience)
		inv.TraceID = id
		res, err := sb.Invoke(t.Context(), inv)
		if err != nil {
			t.Fatal(err)
		}
		wantResult(t, res, want)
	}
}

func (s *suite) setLate(t *testing.T) {
	fn := s.function("late.handler")
	sb := s.boot(t, fn.Limits)
	root := s.root(t)
	if s.node() {
		fn.Environment = map[string]string{
			"TZ": "America/New_York", "NODE_PATH": path.Join(root, "extra"),
			"NODE_OPTIONS": "--enable-source-maps --require ./setup.js --stack-trace-limit=33",
		}
		s.importInto(t, sb, fn)
		wantResult(t, invoke(t, sb, "{}"), `{"zone":300,"module":"by NODE_PATH","setUp":true,"limit":33}`)
		return
	}
	fn.Environment = map[string]string{"TZ": "EST5EDT,M3.2.0,M11.1.0", "PYTHONPATH": path.Join(root, "extra")}
	s.importInto(t, sb, fn)
	wantResult(t, invoke(t, sb, "{}"), `{"zone": 300, "module": "by PYTHONPATH"}`)
}

// root is where functions of the backend find their package.
func (s *suite) root(t *testing.T) string {
	got := mustSucceed[map[string]string](t, invoke(t, s.load(t, s.function("index.handler")), do("variables")))
	return got["LAMBDA_TASK_ROOT"]
}

type hooked struct {
	Seen  []string
	Value string
}

// hooks: a function is told before a snapshot may be taken of it, and when a
// sandbox begins to serve.
func (s *suite) hooks(t *testing.T) {
	sb := s.load(t, s.function("hooks.handler"))
	for range 2 {
		got := mustSucceed[hooked](t, invoke(t, sb, "{}"))
		if len(got.Seen) != 2 || got.Seen[0] != "before" || got.Seen[1] != "after" || got.Value == "drawn at import" {
			t.Errorf("%+v, want the hook before and that after, once", got)
		}
	}
	snapper, ok := s.backend.(isolation.Snapshotter)
	if !ok {
		return
	}
	base := capture(t, snapper, s.boot(t, isolation.Limits{}))
	loaded := deploy(t, snapper, base)
	s.importInto(t, loaded, s.function("hooks.handler"))
	function := capture(t, snapper, loaded)
	values := map[string]bool{}
	for range 3 {
		got := mustSucceed[hooked](t, invoke(t, deploy(t, snapper, function), "{}"))
		if len(got.Seen) != 2 || values[got.Value] {
			t.Errorf("%+v, want a hook before, one after, and a value of its own", got)
		}
		values[got.Value] = true
	}
}
