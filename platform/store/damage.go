package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lambdabench/lambdabench/platform/sqlite"
)

// Damage is what Open could not read, a sentence each: a record with its
// function's name, or what of the database is damaged, where a copy is now, and
// what helps. While such a copy is there (sqlite.Damaged), no package is removed
// because no record names it.
func (s *Store) Damage() []string { return slices.Clone(s.damage) }

// aside is the directory of what this start cannot read.
func (s *Store) aside() string { return sqlite.Aside(s.dir, s.opened) }

// rescue copies a database of which SQLite would drop a part.
func (s *Store) rescue() error {
	damage, kept := sqlite.Rescue(s.databasePath(), s.aside())
	if damage == nil {
		return nil
	}
	if !kept { // without a copy nothing may be dropped
		return damage
	}
	s.damage = append(s.damage, damage.Error())
	return nil
}

// row is one of table functions as it is on disk.
type row struct {
	owner         Owner
	name, version string
	record        []byte
}

// load reads all records into memory, and sets aside those that are damaged.
func (s *Store) load() error {
	rows, err := s.db.Query(`SELECT door, account, name, version, record FROM functions`)
	if err != nil {
		return err
	}
	defer rows.Close()
	bad := map[*row]error{}
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.owner.Door, &r.owner.Account, &r.name, &r.version, &r.record); err != nil {
			return err
		}
		fn, err := r.function()
		if err != nil {
			bad[&r] = err
			continue
		}
		fn.Package = s.taskDir(fn.CodeSHA256)
		s.of(fn.Owner).put(fn)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	rows.Close()
	for r, reason := range bad {
		if err := s.setAside(r, reason); err != nil {
			return fmt.Errorf("set the damaged record of function %s aside: %w", r.name, err)
		}
	}
	return s.withoutLatest()
}

// function decodes a row.
func (r *row) function() (*Function, error) {
	fn := new(Function)
	if err := json.Unmarshal(r.record, fn); err != nil {
		return nil, err
	}
	if fn.Name != r.name || fn.Version != r.version {
		return nil, fmt.Errorf("the record is of %s %s", fn.Name, fn.Version)
	}
	if len(fn.CodeSHA256) != 64 {
		return nil, fmt.Errorf("the hash of the code has %d digits, not 64", len(fn.CodeSHA256))
	}
	fn.Owner = r.owner
	return fn, nil
}

// setAside moves a record to a file.
func (s *Store) setAside(r *row, reason error) error {
	name := strings.NewReplacer("/", "_", "$", "").Replace(fmt.Sprintf("%s-%s-%s-%s.json", r.owner.Door,
		r.owner.Account, r.name, r.version))
	path := filepath.Join(s.aside(), name)
	if err := errors.Join(os.MkdirAll(s.aside(), 0o700), writeSynced(path, r.record)); err != nil {
		return err
	}
	_, err := s.db.Exec(`DELETE FROM functions WHERE door = ? AND account = ? AND name = ? AND version = ?`,
		r.owner.Door, r.owner.Account, r.name, r.version)
	if err != nil {
		return err
	}
	s.damage = append(s.damage,
		fmt.Sprintf("the record of function %s, version %s, cannot be read: %v; it was moved to %s: deploy the "+
			"function again, and remove %s", r.name, r.version, reason, path, s.aside()))
	return nil
}

func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// withoutLatest puts the newest published version in the place of a Latest that
// was set aside, and orders the names.
func (s *Store) withoutLatest() error {
	for _, f := range s.owners {
		for _, e := range f.byName {
			if e.latest != nil {
				continue
			}
			var last *Function
			for _, v := range e.versions {
				if last == nil || number(v) > number(last) {
					last = v
				}
			}
			fn := *last
			fn.Version, fn.Published = Latest, number(last)
			if err := s.write(&fn); err != nil {
				return fmt.Errorf("go back to version %s of function %s: %w", last.Version, fn.Name, err)
			}
			f.put(&fn)
		}
		f.sort()
	}
	return nil
}
