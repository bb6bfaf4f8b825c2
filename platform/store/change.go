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
	all, err := s.CreateMany([]Creation{{fn, zip}})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// Creation is a function to be created, and its code.
type Creation struct {
	Function
	Zip []byte
}

// CreateMany adds functions, all of them or none. One transaction and one sync
// for thousands is what makes populations of an experiment cheap.
func (s *Store) CreateMany(all []Creation) ([]*Function, error) {
	if len(all) == 0 {
		return nil, nil
	}
	if err := s.absent(all); err != nil { // before the work of unpacking
		return nil, err
	}
	zips := make([][]byte, len(all))
	for i, c := range all {
		zips[i] = c.Zip
	}
	codes, err := s.unpack(zips...)
	if err != nil {
		return nil, err
	}
	s.writes.Lock()
	defer s.writes.Unlock()
	if err := s.absent(all); err != nil {
		return nil, err
	}
	fns := make([]*Function, len(all))
	for i, c := range all {
		fns[i] = s.first(c.Function, codes[i])
	}
	if err := s.write(fns...); err != nil {
		return nil, fmt.Errorf("create %s: %w", fns[0].Name, err)
	}
	s.add(fns)
	return fns, nil
}

// first is a new function's record.
func (s *Store) first(fn Function, code packaged) *Function {
	fn.Version, fn.CodeSHA256, fn.CodeSize, fn.Package = Latest, code.sha, code.size, s.taskDir(code.sha)
	stamp(&fn)
	return &fn
}

// add makes new functions known.
func (s *Store) add(fns []*Function) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, fn := range fns {
		s.put(fn)
	}
	if len(fns) == 1 { // keep one insertion cheap
		at, _ := slices.BinarySearch(s.names, fns[0].Name)
		s.names = slices.Insert(s.names, at, fns[0].Name)
		return
	}
	for _, fn := range fns {
		s.names = append(s.names, fn.Name)
	}
	slices.Sort(s.names)
}

// absent refuses names that are taken, or that are in all twice.
func (s *Store) absent(all []Creation) error {
	seen := make(map[string]bool, len(all))
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, c := range all {
		if s.byName[c.Name] != nil || seen[c.Name] {
			return fmt.Errorf("%w: %s", ErrExists, c.Name)
		}
		seen[c.Name] = true
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
		fn.CodeSHA256, fn.CodeSize, fn.Package = code[0].sha, code[0].size, s.taskDir(code[0].sha)
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

// Reserve notes a function's reserved concurrency; nil is none. The revision
// stays: it is no change of what runs.
func (s *Store) Reserve(name string, concurrency *int) (*Function, error) {
	s.writes.Lock()
	defer s.writes.Unlock()
	old, err := s.Get(name, Latest)
	if err != nil {
		return nil, err
	}
	fn := *old
	fn.Concurrency = concurrency
	if err := s.write(&fn); err != nil {
		return nil, fmt.Errorf("reserve concurrency of %s: %w", name, err)
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
		return fmt.Errorf("delete %s: %w", name, diskFull(err))
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
func (s *Store) write(fns ...*Function) (err error) {
	defer func() { err = diskFull(err) }()
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
