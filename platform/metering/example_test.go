package metering_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/platform/metering"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/prometheus/client_golang/prometheus"
)

func request() worker.Request {
	return worker.Request{
		Runtime:    "nodejs20.x",
		Function:   isolation.Function{Version: "$LATEST", Limits: isolation.Limits{MemoryBytes: 128 << 20}},
		Invocation: isolation.Invocation{ID: "8f507cfc-5b4a-4697-b07a-ac58fc914c95"},
	}
}

func response() worker.Response {
	return worker.Response{
		Result: isolation.Result{Outcome: isolation.OK, Logs: []byte("hello")},
		Path:   worker.Cold,
		Stages: worker.Stages{Deploy: 800 * time.Microsecond, Import: 1200 * time.Microsecond,
			Run: 2904 * time.Microsecond},
		Billed:      3 * time.Millisecond,
		MemoryBytes: 40<<20 - 1,
	}
}

func ExampleTail() {
	fmt.Print(strings.ReplaceAll(string(metering.Tail(request(), response(), 4<<10)), "\t", "\n"))
	// Output:
	// START RequestId: 8f507cfc-5b4a-4697-b07a-ac58fc914c95 Version: $LATEST
	// hello
	// END RequestId: 8f507cfc-5b4a-4697-b07a-ac58fc914c95
	// REPORT RequestId: 8f507cfc-5b4a-4697-b07a-ac58fc914c95
	// Duration: 2.90 ms
	// Billed Duration: 3 ms
	// Memory Size: 128 MB
	// Max Memory Used: 40 MB
	// Init Duration: 2.00 ms
}

func ExampleMetrics() {
	m := metering.NewMetrics("process", func() worker.Stats { return worker.Stats{Idle: 3} }, nil, nil)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(m)
	m.Observe(request(), response(), nil)

	families, err := registry.Gather()
	if err != nil {
		fmt.Println(err)
	}
	for _, f := range families {
		if f.GetName() == "lambdabench_invocations_total" {
			c := f.GetMetric()[0]
			for _, l := range c.GetLabel() {
				fmt.Print(l.GetName(), "=", l.GetValue(), " ")
			}
			fmt.Println(c.GetCounter().GetValue())
		}
	}
	// Output:
	// backend=process outcome=ok path=cold runtime=nodejs20.x 1
}
