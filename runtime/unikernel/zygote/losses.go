package zygote

import (
	"log/slog"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// Kinds of processes, as metrics name them.
const (
	KindRoot   = "root"
	KindZygote = "zygote"
	KindSpare  = "spare"
	KindUC     = "uc"
)

// Losses counts and logs processes of the tender that are lost and replaced, and
// wakes their owner. nil is for a root that only probes the host.
type Losses struct {
	Woken chan struct{} // tells the owner to look

	log    *slog.Logger
	counts isolation.HelperCounts
}

// NewLosses logs to log, where there is one.
func NewLosses(log *slog.Logger) *Losses {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Losses{log: log, Woken: make(chan struct{}, 1)}
}

// Wake has the owner look now. It does not block.
func (l *Losses) Wake() {
	if l == nil {
		return
	}
	select {
	case l.Woken <- struct{}{}:
	default:
	}
}

// Lost counts n processes of a kind as lost.
func (l *Losses) Lost(kind string, n int, why error) {
	if l == nil || n == 0 {
		return
	}
	l.counts.Lost(kind, n)
	l.log.Warn("unikernel: processes are lost", "kind", kind, "count", n, "error", why)
}

// Replaced counts n processes of a kind as replaced.
func (l *Losses) Replaced(kind string, n int) {
	if l == nil || n == 0 {
		return
	}
	l.counts.Replaced(kind, n)
	l.log.Info("unikernel: processes are replaced", "kind", kind, "count", n)
}

// Failed logs that a lost process cannot be replaced.
func (l *Losses) Failed(err error) {
	l.log.Error("unikernel: a lost process cannot be replaced", "error", err)
}

// List is what was counted.
func (l *Losses) List() []isolation.Helper {
	return l.counts.List(KindRoot, KindZygote, KindSpare, KindUC)
}
