package worker

import (
	"context"
	"fmt"
	"strings"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"gopkg.in/yaml.v3"
)

func ExampleWorker() {
	ctx := context.Background()
	backend := fakeSnapshotter{newFake(nil)} // any isolation.Backend
	w, err := New(Config{Capture: CaptureInline}, backend, []isolation.Interpreter{node})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer w.Close()
	if err := w.Ready(ctx); err != nil {
		fmt.Println(err)
	}
	req := Request{
		Runtime:    "nodejs20.x",
		Function:   isolation.Function{Name: "hello", Handler: "index.handler"},
		Invocation: isolation.Invocation{ID: "1", Payload: []byte(`{}`)},
	}
	for range 2 {
		res, err := w.Invoke(ctx, req)
		fmt.Println(res.Path, res.Outcome, err)
	}
	// Output:
	// cold ok <nil>
	// hot ok <nil>
}

// Nothing but warm invocations: no sandbox stays, every function's snapshot
// does.
func ExampleConfig() {
	const text = `
idle: {off: true}
function_snapshots: {count: 1000, bytes: 2GiB}
capture: inline
runtime_snapshots: {prepare: [interpreter, gc]}
sandboxes: 64
keep_alive: 5m
`
	var cfg Config
	dec := yaml.NewDecoder(strings.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&cfg); err != nil {
		fmt.Println(err)
	}
	fmt.Println(cfg.Idle.Off, cfg.Functions.Bytes, cfg.Runtimes.Prepare, cfg.KeepAlive, cfg.Validate())
	// Output:
	// true 2.0 GiB [interpreter gc] 5m0s <nil>
}
