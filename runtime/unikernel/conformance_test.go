package unikernel

import (
	"testing"

	"github.com/lambdabench/lambdabench/runtime/conformance"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

func TestConformance(t *testing.T) {
	conformance.Run(t, func(testing.TB) isolation.Backend { return New(Config{}) })
}
