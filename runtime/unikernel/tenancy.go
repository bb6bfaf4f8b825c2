package unikernel

import (
	"errors"
	"fmt"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// A process that a UC leaves behind keeps traces that no reset removes: page
// tables, pages that are already its own, what the processor's predictors
// learnt. A guest can time them. So a process is reused for functions of the
// account that it served, and for no other.

// tenancy is whose functions a UC or a process has run. The zero value has run
// none, the backend's own training functions aside.
type tenancy struct {
	account string // isolation.Function.Account, which may be ""
	ran     bool
}

// fits reports whether a process with this past may serve next. A UC whose
// function is not known yet may have any process: see suit.
func (t tenancy) fits(next tenancy) bool {
	return !t.ran || !next.ran || t.account == next.account
}

// suit has a UC run functions of an account from now on. If its process served
// another account, the UC gives that process up, and enter gives it another.
func (s *sandbox) suit(account string) error {
	next := tenancy{account, true}
	s.resting.RLock()
	fits := s.hibernated() != nil || s.uc.ran.fits(next)
	s.resting.RUnlock()
	if !fits {
		err := s.tryHibernate()
		if errors.Is(err, isolation.ErrClosed) || errors.Is(err, isolation.ErrBusy) {
			return err
		}
		if err != nil {
			return fmt.Errorf("%w: it does not leave the process of another account: %v", isolation.ErrUndelivered, err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owner = next
	return nil
}

// tenant is whose function a sandbox runs.
func (s *sandbox) tenant() tenancy {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.owner
}

// past is what the process of a sandbox that ends has run.
func (s *sandbox) past() tenancy {
	if t := s.tenant(); t.ran {
		return t
	}
	return s.uc.ran
}
