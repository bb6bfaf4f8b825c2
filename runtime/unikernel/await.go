package unikernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/unikernel/zygote"
)

// repairTime bounds the wait of a call for a zygote in place of dead ones, and one
// start of a root.
const repairTime = 10 * time.Second

// liveRoot is the root, once it is alive.
func (b *Backend) liveRoot(ctx context.Context) (*zygote.Zygote, error) {
	return b.awaitZygote(ctx, func() *zygote.Zygote {
		if r := b.tender(); !r.Dead() {
			return r.Zygote
		}
		return nil
	})
}

func (b *Backend) awaitZygote(ctx context.Context, find func() *zygote.Zygote) (*zygote.Zygote, error) {
	if z := find(); z != nil {
		return z, nil
	}
	ctx, cancel := context.WithTimeout(ctx, repairTime)
	defer cancel()
	for {
		b.mu.Lock()
		looked := b.looked
		b.mu.Unlock()
		if z := find(); z != nil {
			return z, nil
		}
		b.losses.Wake()
		select {
		case <-looked:
		case <-b.done:
			return nil, isolation.ErrClosed
		case <-ctx.Done():
			b.mu.Lock()
			trouble := b.trouble
			b.mu.Unlock()
			return nil, fmt.Errorf("%w, and no other took its place in time: %w", ErrTenderGone,
				errors.Join(ctx.Err(), trouble))
		}
	}
}

// memory makes a file in memory, in huge pages where the host has them.
func (b *Backend) memory(ctx context.Context, size int64) (*os.File, error) {
	root, err := b.liveRoot(ctx)
	if err != nil {
		return nil, err
	}
	return root.File(ctx, size)
}
