package store

import (
	"fmt"
	"maps"
	"slices"
)

// Claim gives functions of the zero Owner to owner, with their versions and
// events: the functions for which mine is true, or all where mine is nil. It returns
// how many functions there were.
func (s *Store) Claim(owner Owner, mine func(*Function) bool) (int, error) {
	s.writes.Lock()
	defer s.writes.Unlock()
	unowned := s.Of(Owner{})
	names := unowned.claimed(mine)
	if err := s.reown(owner, names, mine == nil); err != nil {
		return 0, fmt.Errorf("give functions without an owner to %s: %w", owner, diskFull(err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	to := s.of(owner)
	for _, name := range names {
		e := unowned.byName[name]
		for _, old := range append(slices.Collect(maps.Values(e.versions)), e.latest) {
			fn := *old
			fn.Owner = owner
			to.put(&fn)
			s.unuse(old)
		}
		delete(unowned.byName, name)
	}
	unowned.sort()
	to.sort()
	return len(names), nil
}

// claimed are the names of those functions that are mine.
func (f *Functions) claimed(mine func(*Function) bool) (names []string) {
	f.s.mu.RLock()
	defer f.s.mu.RUnlock()
	for _, name := range f.names {
		if mine == nil || mine(f.byName[name].latest) {
			names = append(names, name)
		}
	}
	return names
}

// reown changes the owner on disk: of the functions that are named with their
// events, or of all.
func (s *Store) reown(owner Owner, names []string, all bool) error {
	if len(names) == 0 && !all {
		return nil
	}
	tx, err := s.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, table := range []string{"functions", "events"} {
		change := `UPDATE ` + table + ` SET door = ?, account = ? WHERE door = '' AND account = ''`
		if all {
			if _, err := tx.Exec(change, owner.Door, owner.Account); err != nil {
				return err
			}
			continue
		}
		for _, name := range names {
			if _, err := tx.Exec(change+` AND name = ?`, owner.Door, owner.Account, name); err != nil {
				return err
			}
		}
	}
	return tx.Commit()
}
