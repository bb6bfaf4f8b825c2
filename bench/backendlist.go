package bench

import (
	"errors"
	"fmt"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// backendList is the backends of one run.
type backendList []isolation.Backend

// named returns a backend; nil if there is none of that name.
func (l backendList) named(name string) isolation.Backend {
	for _, b := range l {
		if b.Name() == name {
			return b
		}
	}
	return nil
}

func (l backendList) names() []string {
	var all []string
	for _, b := range l {
		all = append(all, b.Name())
	}
	return all
}

func (l backendList) close() error {
	var errs []error
	for _, b := range l {
		if err := b.Close(); err != nil {
			errs = append(errs, fmt.Errorf("close backend %s: %w", b.Name(), err))
		}
	}
	return errors.Join(errs...)
}
