package zygote

import (
	"context"

	"github.com/lambdabench/lambdabench/runtime/unikernel/guest"
)

// Get gives a process for a run of a tenant: a spare from the pool, or a fork. A
// process that was reset has its order already; a fork gets it with Child.Run.
func (z *Zygote) Get(ctx context.Context, r *Run, t Tenancy) (Child, error) {
	for {
		c, ok := z.GetSpare(t)
		if !ok {
			return z.Fork()
		}
		if guest.HungUp(c.FD) {
			z.replace(c)
			continue
		}
		if !c.WasReset() {
			return c, nil
		}
		switch err := c.reuse(ctx, r); err {
		case nil:
			return c, nil
		case errTooLarge: // for any process that was reset
			z.Put(c)
			return z.Fork()
		}
		c.Discard()
		if ctx.Err() != nil {
			return Child{}, context.Cause(ctx)
		}
	}
}

// GetSpare gives a spare that serves a tenant out of the pool, if there is one.
func (z *Zygote) GetSpare(t Tenancy) (c Child, ok bool) { return z.pool.get(t) }

// Put puts a spare into the pool; a spare too many ends.
func (z *Zygote) Put(c Child) {
	if surplus, over := z.pool.put(c); over {
		surplus.Discard()
	}
}

// Refill forks one more spare if the demand of a tenant asks for it. A failure
// shows at the next Get.
func (z *Zygote) Refill(t Tenancy) {
	if !z.pool.demand(t) {
		return
	}
	if c, err := z.Fork(); err == nil {
		z.Put(c)
	}
}

// Resize sets how many spares the pool of a new zygote should hold.
func (z *Zygote) Resize(spares int) { z.pool.size = spares }

// Fill forks as many spares as the pool should hold.
func (z *Zygote) Fill() {
	for range z.pool.size {
		if c, err := z.Fork(); err == nil {
			z.Put(c)
		}
	}
}

// Size is how many spares the pool should hold.
func (z *Zygote) Size() int { return z.pool.size }

// Spares is how many spares the pool holds.
func (z *Zygote) Spares() int { return z.pool.len() }

// WillReturn says that n spares are taken for training runs and come back.
func (z *Zygote) WillReturn(n int) { z.pool.willReturn(n) }

// Admits reports whether the pool has room for a reset process of a tenant.
func (z *Zygote) Admits(t Tenancy) bool { return z.pool.admits(t) }

// CheckPool replaces the spares whose processes ended.
func (z *Zygote) CheckPool() {
	if ended := z.pool.removeEnded(); len(ended) > 0 {
		z.replace(ended...)
	}
}

// replace discards spares that ended, and forks others in their place. A spare that
// could not be forked is not replaced: the next fork would fail alike.
func (z *Zygote) replace(ended ...Child) {
	lost := 0
	for _, c := range ended {
		if !guest.NextExit(c.FD).Unborn() {
			lost++
		}
		c.Discard()
	}
	if lost == 0 {
		return
	}
	z.tender.losses.Lost(KindSpare, lost, ErrEnded)
	made := 0
	for ; made < lost; made++ {
		c, err := z.Fork()
		if err != nil {
			break
		}
		z.Put(c)
	}
	z.tender.losses.Replaced(KindSpare, made)
}
