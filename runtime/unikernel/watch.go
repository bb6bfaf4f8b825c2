package unikernel

import (
	"context"
	"fmt"
	"time"

	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
	"github.com/lambdabench/lambdabench/runtime/unikernel/guest"
	"github.com/lambdabench/lambdabench/runtime/unikernel/zygote"
)

// A UC's own kernel bounds what its guest may have. A hostile guest need not ask
// it: it can write anywhere in its region. So what is resident is watched too.
// A UC may have an eighth more than its limit, and headroom for what no book has:
// compiled code, and memory that was given back in small pieces. A UC that has
// more is asked what its kernel does not charge. A guest can lie about that, so
// its answer counts up to most alone.

const (
	watchEvery    = 100 * time.Millisecond
	watchAtOnce   = 256 // UCs, so that this takes some hundredth of a processor
	watchHeadroom = 32 << 20
	watchMargin   = 128 << 20
)

// fair is how many bytes may be resident of a UC with a limit that is not asked.
func fair(limit int64) int64 { return limit + limit/8 + watchHeadroom }

// most is how many bytes may be resident, whatever the UC says.
func most(limit int64) int64 { return limit + limit/2 + watchMargin }

// allowance is how many bytes may be resident of a UC by what its kernel says.
func (p *process) allowance(ctx context.Context, limit int64) int64 {
	page, err := p.uc.Peek(ctx, abi.State, abi.StateSize)
	if err != nil {
		return most(limit) // the UC is about to end, or its zygote is
	}
	here, err := abi.ParseState(page)
	if err != nil {
		return fair(limit)
	}
	// Copies that lie in the runtime snapshot are shared, and not resident here.
	more := here.Uncharged - p.of.parent.uncharged()
	return min(fair(limit)+max(more, 0), most(limit))
}

// watchMemory is the goroutine that ends UCs that are too large; Close waits for
// it.
func (b *Backend) watchMemory() {
	ctx := context.Background() // orders end at their own deadlines
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for at := 0; ; {
		select {
		case <-tick.C:
		case <-b.done:
			return
		}
		some, first := b.fleet.some(at, watchAtOnce)
		at = first + len(some)
		for z, all := range underLimit(some) {
			suspects := larger(ctx, z, all)
			for i := range suspects {
				suspects[i].ask(ctx)
			}
			for _, w := range larger(ctx, z, suspects) {
				w.endTooLarge()
			}
		}
	}
}

// watched is a process that is looked at. Nobody keeps it from ending meanwhile: its
// zygote then answers that it is gone.
type watched struct {
	*process
	limit int64
	most  int64 // bytes that may be resident
}

// underLimit are the processes with a limit, by their zygotes.
func underLimit(some []*sandbox) map[*zygote.Zygote][]watched {
	all := map[*zygote.Zygote][]watched{}
	for _, s := range some {
		s.mu.Lock()
		if limit := s.limits.MemoryBytes; s.state == awake && limit > 0 {
			z := s.live.uc.Zygote()
			all[z] = append(all[z], watched{s.live, limit, fair(limit)})
		}
		s.mu.Unlock()
	}
	return all
}

// larger are those of which more is resident than may be.
func larger(ctx context.Context, z *zygote.Zygote, all []watched) (over []watched) {
	bounds := make([]zygote.Bound, len(all))
	for i, w := range all {
		bounds[i] = zygote.Bound{UC: w.uc, Bytes: w.most}
	}
	for _, i := range z.Oversized(ctx, bounds) {
		over = append(over, all[i])
	}
	return over
}

// ask has the UC's kernel say what may be resident.
func (w *watched) ask(ctx context.Context) { w.most = w.allowance(ctx, w.limit) }

// endTooLarge ends the UC as one that its own kernel refused memory.
func (w watched) endTooLarge() {
	why := fmt.Sprintf("more than %d MB are resident, where %d MB are the limit", w.most>>20, w.limit>>20)
	w.channel.EndAs(&guest.Exit{Code: abi.ExitMemory, Why: why})
	w.kill()
}
