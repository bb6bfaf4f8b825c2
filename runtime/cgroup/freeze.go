package cgroup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// Freeze stops all processes of the group and returns when they stand. After an
// error they run on.
func (g *Group) Freeze(ctx context.Context) error {
	if err := g.setFrozen(true); err != nil {
		return fmt.Errorf("freeze cgroup: %w", err)
	}
	for wait := 50 * time.Microsecond; ; wait = min(2*wait, 10*time.Millisecond) {
		frozen, err := g.frozen()
		if frozen {
			return nil
		}
		if err != nil {
			return errors.Join(fmt.Errorf("freeze cgroup: %w", err), g.Thaw())
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("freeze cgroup: %w", ctx.Err()), g.Thaw())
		case <-time.After(wait):
		}
	}
}

// Thaw lets the group's processes run again. A group that is gone is no error.
func (g *Group) Thaw() error {
	if err := ignoreMissing(g.setFrozen(false)); err != nil {
		return fmt.Errorf("thaw cgroup: %w", err)
	}
	return nil
}

func (g *Group) setFrozen(frozen bool) error {
	file, on, off := "cgroup.freeze", "1", "0"
	if g.HasV1(Freezer) {
		file, on, off = "freezer.state", "FROZEN", "THAWED"
	}
	if !frozen {
		on = off
	}
	return write(g.file(Freezer, file), on)
}

// frozen reports whether all processes stand.
func (g *Group) frozen() (bool, error) {
	if g.HasV1(Freezer) {
		state, err := os.ReadFile(g.file(Freezer, "freezer.state"))
		return strings.TrimSpace(string(state)) == "FROZEN", err
	}
	n, err := field(g.file(Freezer, "cgroup.events"), "frozen")
	return n == 1, err
}
