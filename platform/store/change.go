package store

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Create adds a function with its code. Of two creates of one name one wins,
// the other gets ErrExists.
func (f *Functions) Create(fn Function, zip []byte) (*Function, error) {
	all, err := f.CreateMany([]Creation{{fn, zip}})
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

// CreateMany adds functions, all of them or none, with one transaction and one sync,
// so that the population of an experiment is cheap.
func (f *Functions) CreateMany(all []Creation) ([]*Function, error) {
	if len(all) == 0 {
		return nil, nil
	}
	if err := f.absent(all); err != nil { // before the work of unpacking
		return nil, err
	}
	zips := make([][]byte, len(all))
	for i, c := range all {
		zips[i] = c.Zip
	}
	codes, err := f.s.unpack(zips...)
	if err != nil {
		return nil, err
	}
	f.s.writes.Lock()
	defer f.s.writes.Unlock()
	if err := f.absent(all); err != nil {
		return nil, err
	}
	fns := make([]*Function, len(all))
	for i, c := range all {
		fns[i] = f.first(c.Function, codes[i])
	}
	if err := f.s.write(fns...); err != nil {
		return nil, fmt.Errorf("create %s: %w", fns[0].Name, err)
	}
	f.add(fns)
	return fns, nil
}

// first is a new function's record.
func (f *Functions) first(fn Function, code packaged) *Function {
	fn.Owner, fn.Version, fn.CodeSHA256, fn.CodeSize, fn.Package = f.owner, Latest, code.sha, code.size,
		f.s.taskDir(code.sha)
	stamp(&fn)
	return &fn
}

// add makes new functions known.
func (f *Functions) add(fns []*Function) {
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	for _, fn := range fns {
		f.put(fn)
	}
	if len(fns) == 1 { // keep one insertion cheap
		at, _ := slices.BinarySearch(f.names, fns[0].Name)
		f.names = slices.Insert(f.names, at, fns[0].Name)
		return
	}
	for _, fn := range fns {
		f.names = append(f.names, fn.Name)
	}
	slices.Sort(f.names)
}

// absent refuses names that exist already, or that are in all twice.
func (f *Functions) absent(all []Creation) error {
	seen := make(map[string]bool, len(all))
	f.s.mu.RLock()
	defer f.s.mu.RUnlock()
	for _, c := range all {
		if f.byName[c.Name] != nil || seen[c.Name] {
			return fmt.Errorf("%w: %s", ErrExists, c.Name)
		}
		seen[c.Name] = true
	}
	return nil
}

// UpdateCode gives a function new code. revision, when not empty, must be the current
// one.
func (f *Functions) UpdateCode(name, revision string, zip []byte) (*Function, error) {
	if _, err := f.Get(name, Latest); err != nil {
		return nil, err
	}
	code, err := f.s.unpack(zip)
	if err != nil {
		return nil, err
	}
	return f.Update(name, revision, func(fn *Function) error {
		fn.CodeSHA256, fn.CodeSize, fn.Package = code[0].sha, code[0].size, f.s.taskDir(code[0].sha)
		return nil
	})
}

// Update changes a function's Latest. change works on a copy and may refuse.
func (f *Functions) Update(name, revision string, change func(*Function) error) (*Function, error) {
	f.s.writes.Lock()
	defer f.s.writes.Unlock()
	old, err := f.Get(name, Latest)
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
	if err := f.s.write(&fn); err != nil {
		return nil, fmt.Errorf("update %s: %w", name, err)
	}
	f.s.mu.Lock()
	f.put(&fn)
	f.s.mu.Unlock()
	return &fn, nil
}

// Reserve notes a function's reserved concurrency; nil is none. The revision
// stays: it is no change of what runs.
func (f *Functions) Reserve(name string, concurrency *int) (*Function, error) {
	f.s.writes.Lock()
	defer f.s.writes.Unlock()
	old, err := f.Get(name, Latest)
	if err != nil {
		return nil, err
	}
	fn := *old
	fn.Concurrency = concurrency
	if err := f.s.write(&fn); err != nil {
		return nil, fmt.Errorf("reserve concurrency of %s: %w", name, err)
	}
	f.s.mu.Lock()
	f.put(&fn)
	f.s.mu.Unlock()
	return &fn, nil
}

// Publish keeps a function's Latest as a version of its own. When nothing
// changed since the last one, that one is returned.
func (f *Functions) Publish(name, revision, description string) (*Function, error) {
	f.s.writes.Lock()
	defer f.s.writes.Unlock()
	latest, err := f.Get(name, Latest)
	if err != nil {
		return nil, err
	}
	if revision != "" && revision != latest.Revision {
		return nil, fmt.Errorf("%w: %s is at revision %s", ErrConflict, name, latest.Revision)
	}
	if last, err := f.Get(name, strconv.Itoa(latest.Published)); err == nil && sameContent(last, latest) {
		return last, nil
	}
	next, fn := *latest, *latest
	next.Published++
	fn.Version, fn.Published, fn.Concurrency = strconv.Itoa(next.Published), 0, nil
	if description != "" {
		fn.Description = description
	}
	stamp(&fn)
	if err := f.s.write(&next, &fn); err != nil {
		return nil, fmt.Errorf("publish %s: %w", name, err)
	}
	f.s.mu.Lock()
	f.put(&next)
	f.put(&fn)
	f.s.mu.Unlock()
	return &fn, nil
}

// sameContent reports whether a published version would be the same again.
func sameContent(a, b *Function) bool {
	return a.CodeSHA256 == b.CodeSHA256 && a.Runtime == b.Runtime && a.Handler == b.Handler && a.Role == b.Role &&
		a.Timeout == b.Timeout && a.MemoryMB == b.MemoryMB && maps.Equal(a.Environment, b.Environment)
}

// Delete removes a published version, or with version "" the whole function.
func (f *Functions) Delete(name, version string) error {
	f.s.writes.Lock()
	defer f.s.writes.Unlock()
	if _, err := f.Get(name, version); err != nil {
		return err
	}
	query, args := `DELETE FROM functions WHERE door = ? AND account = ? AND name = ?`,
		[]any{f.owner.Door, f.owner.Account, name}
	if version != "" {
		query, args = query+` AND version = ?`, append(args, version)
	}
	if err := f.s.exec(query, args...); err != nil {
		return fmt.Errorf("delete %s: %w", name, err)
	}
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	e := f.byName[name]
	if version != "" {
		f.s.unuse(e.versions[version])
		delete(e.versions, version)
		return nil
	}
	f.s.unuse(e.latest)
	for _, v := range e.versions {
		f.s.unuse(v)
	}
	delete(f.byName, name)
	if at, found := slices.BinarySearch(f.names, name); found {
		f.names = slices.Delete(f.names, at, at+1)
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
	stmt, err := tx.Prepare(`INSERT INTO functions (door, account, name, version, record) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (door, account, name, version) DO UPDATE SET record = excluded.record`)
	if err != nil {
		return err
	}
	defer stmt.Close()
	for _, fn := range fns {
		if err := writeOne(stmt, fn); err != nil {
			return err
		}
	}
	return errors.Join(tx.Commit(), s.file.Check())
}

// exec runs one statement that changes something. Its change is on disk afterwards.
func (s *Store) exec(statement string, args ...any) error {
	if _, err := s.db.Exec(statement, args...); err != nil {
		return diskFull(err)
	}
	return s.file.Check()
}

func writeOne(stmt *sql.Stmt, fn *Function) error {
	record, err := json.Marshal(fn)
	if err != nil {
		return err
	}
	_, err = stmt.Exec(fn.Owner.Door, fn.Owner.Account, fn.Name, fn.Version, record)
	return err
}
