package unikernel

import (
	"testing"

	"github.com/lambdabench/lambdabench/runtime"
	"github.com/lambdabench/lambdabench/runtime/conformance"
)

func TestConformance(t *testing.T) {
	conformance.Run(t, func(testing.TB) runtime.Backend { return New(Config{}) })
}
