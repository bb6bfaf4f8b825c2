package unikernel

import (
	"context"
	"fmt"
	"slices"

	"github.com/lambdabench/lambdabench/runtime/unikernel/zygote"
)

// repair finds what is dead and makes it anew, from the root up: a process ends
// when its parent does.
func (b *Backend) repair(ctx context.Context) error {
	if err := b.repairRoot(ctx); err != nil {
		return err
	}
	b.mu.Lock()
	languages, held := b.loadedLanguages(), b.overseen()
	b.mu.Unlock()
	for _, l := range languages {
		if err := b.repairLanguage(ctx, l); err != nil {
			return fmt.Errorf("image zygote of %s: %w", l.in.Runtime, err)
		}
	}
	for _, s := range held {
		if err := b.repairZygotes(ctx, s); err != nil {
			return fmt.Errorf("zygotes of a snapshot of %s: %w", s.in.Runtime, err)
		}
	}
	return nil
}

// repairRoot starts another root. The files of snapshots and the arena survive the
// tender, and with them snapshots, and UCs that hibernate.
func (b *Backend) repairRoot(ctx context.Context) error {
	r := b.tender()
	if !r.Stopped() && !r.Look() {
		return nil
	}
	if b.rootLost != r {
		b.rootLost = r
		b.losses.Lost(zygote.KindRoot, 1, zygote.ErrEnded)
	}
	r.Stop()
	ctx, cancel := context.WithTimeout(ctx, repairTime)
	defer cancel()
	next, err := zygote.Start(ctx, b.losses)
	if err != nil {
		return fmt.Errorf("start another root: %w", err)
	}
	b.root.Store(next)
	b.losses.Replaced(zygote.KindRoot, 1)
	return nil
}

func (b *Backend) repairLanguage(ctx context.Context, l *language) error {
	z := l.zygote.Load()
	if !z.Look() {
		return nil
	}
	b.writeOff(z)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.growImage(ctx, b, b.tender().Zygote); err != nil {
		return err
	}
	b.losses.Replaced(zygote.KindZygote, 1)
	return nil
}

// repairZygotes replaces the dead zygotes of a runtime snapshot. A function snapshot
// goes back to the zygotes of its runtime snapshot, and gets one again when it has as
// many UCs as it had then.
func (b *Backend) repairZygotes(ctx context.Context, s *snap) error {
	b.mu.Lock()
	_, held := b.holders[s]
	if held {
		s.refs++
	}
	b.mu.Unlock()
	if !held {
		return nil
	}
	defer b.unref(s)
	l, err := b.language(ctx, s.in)
	if err != nil {
		return err
	}
	zs := slices.Clone(s.holders())
	for i, z := range zs {
		if !z.Look() {
			continue
		}
		spares := z.Spares()
		b.writeOff(z)
		if s.parent != nil {
			b.demote(s)
			return nil
		}
		next, err := s.growRuntime(ctx, l, l.zygote.Load(), z.Size())
		if err != nil {
			return err
		}
		zs[i] = next
		now := slices.Clone(zs)
		s.zygotes.Store(&now)
		b.losses.Replaced(zygote.KindZygote, 1)
		b.losses.Replaced(zygote.KindSpare, min(spares, next.Spares()))
	}
	return nil
}

func (b *Backend) demote(s *snap) {
	s.zygotes.Store(nil)
	b.promoted.Add(-1)
	s.recorded.Store(false)
	b.mu.Lock()
	delete(b.holders, s)
	b.mu.Unlock()
}

// writeOff closes a dead zygote, which kills what is left of it, and counts what is lost
// with it: once, though its replacement may fail and be tried again.
func (b *Backend) writeOff(z *zygote.Zygote) {
	spares := z.Spares()
	if !z.Close() {
		return
	}
	b.losses.Lost(zygote.KindZygote, 1, zygote.ErrEnded)
	b.losses.Lost(zygote.KindSpare, spares, zygote.ErrEnded)
	lost := 0
	for _, s := range b.fleet.all() {
		if p := s.on(z); p != nil && s.countLost(p) {
			lost++
		}
	}
	b.losses.Lost(zygote.KindUC, lost, zygote.ErrEnded)
}

// on is the sandbox's process if that is a child of z.
func (s *sandbox) on(z *zygote.Zygote) *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live == nil || s.live.uc.Zygote() != z {
		return nil
	}
	return s.live
}
