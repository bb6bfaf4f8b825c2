package store

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Create adds a function with its code. Of two creates of one name one wins,
// the other gets ErrExists.
func (s *Store) Create(fn Function, zip []byte) (*Function, error) {
	all, err := s.CreateMany([]Function{fn}, zip)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// CreateMany adds functions that share one package, all of them or none. One
// transaction for thousands is what makes populations of an experiment cheap.
func (s *Store) CreateMany(fns []Function, zip []byte) ([]*Function, error) {
	if err := s.absent(fns); err != nil { // before the work of unpacking
		return nil, err
	}
	code, err := s.unpack(zip)
	if err != nil {
		return nil, err
	}
	s.writes.Lock()
	defer s.writes.Unlock()
	if err := s.absent(fns); err != nil {
		return nil, err
	}
	all := make([]*Function, len(fns))
	for i, fn := range fns {
		fn.Version, fn.CodeSHA256, fn.CodeSize, fn.Package = Latest, code.sha, code.size, s.taskDir(code.sha)
		stamp(&fn)
		all[i] = &fn
	}
	if err := s.write(all...); err != nil {
		return nil, fmt.Errorf("create %s: %w", fns[0].Name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, fn := range all {
		s.put(fn)
		s.names = append(s.names, fn.Name)
	}
	if n := len(s.names) - len(all); n > 0 && len(all) == 1 { // keep one insertion cheap
		name := all[0].Name
		at, _ := slices.BinarySearch(s.names[:n], name)
		s.names = slices.Insert(s.names[:n], at, name)
	} else {
		slices.Sort(s.names)
	}
	return all, nil
}

func (s *Store) absent(fns []Function) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, fn := range fns {
		if s.byName[fn.Name] != nil {
			return fmt.Errorf("%w: %s", ErrExists, fn.Name)
		}
	}
	return nil
}

// UpdateCode gives a function new code. revision, when not empty, must be the
// one that is there.
func (s *Store) UpdateCode(name, revision string, zip []byte) (*Function, error) {
	if _, err := s.Get(name, Latest); err != nil {
		return nil, err
	}
	code, err := s.unpack(zip)
	if err != nil {
		return nil, err
	}
	return s.Update(name, revision, func(fn *Function) error {
		fn.CodeSHA256, fn.CodeSize, fn.Package = code.sha, code.size, s.taskDir(code.sha)
		return nil
	})
}

// Update changes a function's Latest. change works on a copy and may refuse.
func (s *Store) Update(name, revision string, change func(*Function) error) (*Function, error) {
	s.writes.Lock()
	defer s.writes.Unlock()
	old, err := s.Get(name, Latest)
	if err != nil {
		return nil, err
	}
	if revision != "" && revision != old.Revision {
		return nil, fmt.Errorf("%w: %s is at revision %s", ErrConflict, name, old.Revision)
	}
	fn := *old
	if err := change(&fn); err != nil {
		return nil, err
	}
	stamp(&fn)
	if err := s.write(&fn); err != nil {
		return nil, fmt.Errorf("update %s: %w", name, err)
	}
	s.mu.Lock()
	s.put(&fn)
	s.mu.Unlock()
	return &fn, nil
}

// Publish keeps a function's Latest as a version of its own. When nothing
// changed since the last one, that one is returned.
func (s *Store) Publish(name, revision, description string) (*Function, error) {
	s.writes.Lock()
	defer s.writes.Unlock()
	latest, err := s.Get(name, Latest)
	if err != nil {
		return nil, err
	}
	if revision != "" && revision != latest.Revision {
		return nil, fmt.Errorf("%w: %s is at revision %s", ErrConflict, name, latest.Revision)
	}
	if last, err := s.Get(name, strconv.Itoa(latest.Published)); err == nil && sameContent(last, latest) {
		return last, nil
	}
	next, fn := *latest, *latest
	next.Published++
	fn.Version, fn.Published, fn.Concurrency = strconv.Itoa(next.Published), 0, nil
	if description != "" {
		fn.Description = description
	}
	stamp(&fn)
	if err := s.write(&next, &fn); err != nil {
		return nil, fmt.Errorf("publish %s: %w", name, err)
	}
	s.mu.Lock()
	s.put(&next)
	s.put(&fn)
	s.mu.Unlock()
	return &fn, nil
}

// sameContent reports whether a published version would be the same again.
func sameContent(a, b *Function) bool {
	return a.CodeSHA256 == b.CodeSHA256 && a.Runtime == b.Runtime && a.Handler == b.Handler && a.Role == b.Role &&
		a.Timeout == b.Timeout && a.MemoryMB == b.MemoryMB && maps.Equal(a.Environment, b.Environment)
}

// Delete removes a published version, or with version "" the whole function.
func (s *Store) Delete(name, version string) error {
	s.writes.Lock()
	defer s.writes.Unlock()
	if _, err := s.Get(name, version); err != nil {
		return err
	}
	query, args := `DELETE FROM functions WHERE name = ?`, []any{name}
	if version != "" {
		query, args = query+` AND version = ?`, append(args, version)
	}
	if _, err := s.db.Exec(query, args...); err != nil {
		return fmt.Errorf("delete %s: %w", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.byName[name]
	if version != "" {
		s.unuse(e.versions[version])
		delete(e.versions, version)
		return nil
	}
	s.unuse(e.latest)
	for _, v := range e.versions {
		s.unuse(v)
	}
	delete(s.byName, name)
	if at, found := slices.BinarySearch(s.names, name); found {
		s.names = slices.Delete(s.names, at, at+1)
	}
	return nil
}

// write puts records on disk, all of them or none.
func (s *Store) write(fns ...*Function) error {
	tx, err := s.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	stmt, err := tx.Prepare(`INSERT INTO functions (name, version, record) VALUES (?, ?, ?)
		ON CONFLICT (name, version) DO UPDATE SET record = excluded.record`)
	if err != nil {
		return err
	}
	defer stmt.Close()
	for _, fn := range fns {
		if err := writeOne(stmt, fn); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func writeOne(stmt *sql.Stmt, fn *Function) error {
	record, err := json.Marshal(fn)
	if err != nil {
		return err
	}
	_, err = stmt.Exec(fn.Name, fn.Version, record)
	return err
}
