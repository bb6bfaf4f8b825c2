package unikernel

import (
	"context"
	"fmt"
	"slices"
)

// repair finds what is dead and makes it anew, from the root up: a process ends
// when the one that forked it does.
func (b *Backend) repair(ctx context.Context) error {
	if err := b.repairRoot(ctx); err != nil {
		return err
	}
	b.mu.Lock()
	languages, held := b.loadedLanguages(), b.overseen()
	b.mu.Unlock()
	for _, l := range languages {
		if err := b.repairLanguage(l); err != nil {
			return fmt.Errorf("image zygote of %s: %w", l.in.Runtime, err)
		}
	}
	for _, s := range held {
		if err := b.repairZygotes(s); err != nil {
			return fmt.Errorf("zygotes of a snapshot of %s: %w", s.in.Runtime, err)
		}
	}
	return nil
}

// repairRoot starts another root. What lies in the files of snapshots and in the
// arena survives the tender: snapshots, and UCs that hibernate.
func (b *Backend) repairRoot(ctx context.Context) error {
	r := b.tender()
	if r.stopped() {
		r.cmd.Process.Kill()
		r.fail(errStopped)
	}
	r.look()
	if !r.dead.Load() {
		return nil
	}
	if b.rootLost != r {
		b.rootLost = r
		b.super.lose(kindRoot, 1, errProcessEnded)
	}
	r.stop()
	ctx, cancel := context.WithTimeout(ctx, repairTime)
	defer cancel()
	next, err := startRoot(ctx)
	if err != nil {
		return fmt.Errorf("start another root: %w", err)
	}
	next.super = b.super
	b.root.Store(next)
	b.super.replace(kindRoot, 1)
	return nil
}

func (b *Backend) repairLanguage(l *language) error {
	n := l.zygote.Load()
	n.look()
	if !n.dead.Load() {
		return nil
	}
	b.bury(n)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.growZygote(b, b.tender().zygote); err != nil {
		return err
	}
	b.super.replace(kindZygote, 1)
	return nil
}

// repairZygotes replaces the dead zygotes of a base snapshot. A function snapshot
// goes back to the zygotes of its base, and gets one again when it has as many UCs
// as it had then.
func (b *Backend) repairZygotes(s *snap) error {
	b.mu.Lock()
	_, held := b.holders[s]
	if held {
		s.refs++
	}
	b.mu.Unlock()
	if !held {
		return nil
	}
	defer b.release(s)
	l, err := b.language(context.Background(), s.in)
	if err != nil {
		return err
	}
	ns := slices.Clone(s.zygotes.load())
	for i, n := range ns {
		n.look()
		if !n.dead.Load() {
			continue
		}
		spares := n.pool.len()
		b.bury(n)
		if s.parent != nil {
			b.demote(s)
			return nil
		}
		next, err := b.growBaseZygote(s, l.image, l.zygote.Load(), n.pool.keeps)
		if err != nil {
			return err
		}
		ns[i] = next
		s.zygotes.store(slices.Clone(ns))
		b.super.replace(kindZygote, 1)
		b.super.replace(kindSpare, min(spares, next.pool.len()))
	}
	return nil
}

func (b *Backend) demote(s *snap) {
	s.zygotes.store(nil)
	b.promoted.Add(-1)
	s.recorded.Store(false)
	b.mu.Lock()
	delete(b.holders, s)
	b.mu.Unlock()
}

// bury counts a dead zygote and what is lost with it, and kills what is left of it.
// A zygote is buried once, though its replacement may fail and be tried again.
func (b *Backend) bury(n *zygote) {
	n.mu.Lock()
	again := n.closed
	n.mu.Unlock()
	if again {
		return
	}
	b.super.lose(kindZygote, 1, errProcessEnded)
	b.super.lose(kindSpare, n.pool.len(), errProcessEnded)
	n.close()
	lost := 0
	for _, s := range b.all() {
		if s.on(n) && s.countLost() {
			lost++
		}
	}
	b.super.lose(kindUC, lost, errProcessEnded)
}
