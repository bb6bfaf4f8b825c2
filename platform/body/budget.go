package body

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/dustin/go-humanize"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
)

// ErrBusy is the error of a body for which the bodies of other requests leave no
// memory.
var ErrBusy = errors.New("the bodies of other requests take all the memory there is for them")

// smallBody is the size up to which a body may use all of a budget, bytes. Larger
// bodies use three quarters.
const smallBody = 256 << 10

// Bounds of a budget that is derived from the host's memory. The least has room for
// the largest package.
const (
	leastBudget = 256 << 20
	mostBudget  = 4 << 30
)

// Budget bounds the memory of all bodies that are held at a time: from when a
// body comes until its request is answered. Large ones have three quarters of
// it, so that they do not keep small ones out.
type Budget struct {
	limit int64
	held  atomic.Int64
}

// NewBudget returns a budget of so many bytes; 0 is an eighth of the host's
// memory, within 256 MiB and 4 GiB.
func NewBudget(limit int64) *Budget {
	if limit == 0 {
		limit = leastBudget
		if m, err := cgroup.ReadMemory(context.Background()); err == nil {
			limit = min(max(limit, m.Total/8), mostBudget)
		}
	}
	return &Budget{limit: limit}
}

// acquire reserves n more bytes for a body that holds held bytes.
func (b *Budget) acquire(n, held int64) bool {
	limit := b.limit
	if held+n > smallBody {
		limit = limit / 4 * 3
	}
	if b.held.Add(n) > limit {
		b.held.Add(-n)
		return false
	}
	return true
}

// Bounded has the bodies that next reads, with Read, keep within a budget.
func Bounded(next http.Handler, budget *Budget) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 {
			next.ServeHTTP(w, r)
			return
		}
		l := &lease{ReadCloser: r.Body, budget: budget}
		defer l.end()
		r.Body = l
		next.ServeHTTP(w, r)
	})
}

// lease is a body and its share of a budget.
type lease struct {
	io.ReadCloser
	budget *Budget
	held   int64
}

// leaseOf is the lease of a request; nil where the request did not pass Bounded.
func leaseOf(r *http.Request) *lease {
	l, _ := r.Body.(*lease)
	return l
}

func (l *lease) grow(n int64) error {
	if l == nil {
		return nil
	}
	if !l.budget.acquire(n, l.held) {
		return &busy{l.budget.limit}
	}
	l.held += n
	return nil
}

func (l *lease) end() { l.budget.held.Add(-l.held) }

// busy is ErrBusy with the remedy.
type busy struct{ limit int64 }

func (b *busy) Error() string {
	return ErrBusy.Error() + " (" + humanize.IBytes(uint64(b.limit)) + "): try again, or raise the setting bodies"
}

func (b *busy) Unwrap() error { return ErrBusy }
