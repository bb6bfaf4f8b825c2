package dispatch

import (
	"context"
	"errors"
	"fmt"

	"github.com/lambdabench/lambdabench/platform/worker"
)

func ExampleDispatcher() {
	d, err := New(Config{Concurrency: 100}, nothing{}) // any Invoker, a *worker.Worker above all
	if err != nil {
		fmt.Println(err)
		return
	}
	defer d.Close()
	if err := d.Reserve("arn:aws:lambda:local:0:function:off", 0); err != nil {
		fmt.Println(err)
	}
	var req worker.Request
	req.Function.ARN = "arn:aws:lambda:local:0:function:off"
	_, err = d.Invoke(context.Background(), req)
	var throttled *Throttled
	fmt.Println(errors.As(err, &throttled), throttled.Reason)
	// Output: true ReservedFunctionConcurrentInvocationLimitExceeded
}
