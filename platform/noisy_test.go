package platform

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// Calls of a quiet function do not queue behind those of one that takes all
// processors: they are answered while most of the others still wait or work. The noisy
// function works for an amount of processor time, so that a loaded host slows both down.
func TestQuietFunctionIsAnsweredBesideANoisyOne(t *testing.T) {
	const noisy, quiet = 120, 5
	b, dir := openBackend(t, "process")
	in := runtimetest.Interpreter(t, isolation.NodeJS)
	r := serveOn(t, Config{}, b, dir)
	long := func(f *lambda.CreateFunctionInput) { f.Timeout = aws.Int32(600) }
	create(t, r.Client, in, "noisy", `exports.handler = async () => {
  const begin = process.cpuUsage();
  while (process.cpuUsage(begin).user + process.cpuUsage(begin).system < 100e3); // microseconds
};`, long)
	create(t, r.Client, in, "quiet", "exports.handler = async () => 1", long)
	invoke(t, r.Client, "quiet", "{}")
	var left atomic.Int64
	left.Store(noisy)
	var all sync.WaitGroup
	for range noisy {
		all.Go(func() {
			if _, err := r.Client.Invoke(t.Context(),
				&lambda.InvokeInput{FunctionName: aws.String("noisy")}); err != nil {
				t.Error(err)
			}
			left.Add(-1)
		})
	}
	runtimetest.Eventually(t, "the noisy function is at work", func() bool {
		return left.Load() < noisy || r.Worker.Stats().Busy > 1
	})
	for range quiet {
		if out := invoke(t, r.Client, "quiet", "{}"); out.FunctionError != nil {
			t.Errorf("%s", out.Payload)
		}
	}
	n := left.Load()
	t.Logf("%d of %d calls of the noisy function were left", n, noisy)
	if n < noisy/2 {
		t.Errorf("%d calls of the quiet function were answered when only %d of %d of the noisy one were left", quiet, n,
			noisy)
	}
	all.Wait()
}
