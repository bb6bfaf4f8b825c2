package store

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Damage is something of the store that could not be read. It was moved aside,
// and nothing was removed for it.
type Damage struct {
	Owner   Owner
	Name    string // of the function; "" where it is not known
	Version string
	Aside   string // where it is now
	Err     error
}

// String is a sentence for a log.
func (d Damage) String() string {
	if d.Name == "" {
		return fmt.Sprintf("%v; it was moved aside: %s", d.Err, d.Aside)
	}
	return fmt.Sprintf("function %s (version %s, owner %s) cannot be read: %v; it was moved aside: %s", d.Name, d.Version, d.Owner, d.Err, d.Aside)
}

// Damage is what Open could not read.
func (s *Store) Damage() []Damage { return slices.Clone(s.damage) }

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
	var bad []row
	var reasons []error
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.owner.Door, &r.owner.Account, &r.name, &r.version, &r.record); err != nil {
			return err
		}
		fn, err := r.function()
		if err != nil {
			bad, reasons = append(bad, r), append(reasons, err)
			continue
		}
		fn.Package = s.taskDir(fn.CodeSHA256)
		s.of(fn.Owner).put(fn)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	rows.Close()
	for i, r := range bad {
		if err := s.setAside(r, reasons[i]); err != nil {
			return fmt.Errorf("set damaged function %s aside: %w", r.name, err)
		}
	}
	return s.withoutLatest()
}

// function decodes a row.
func (r row) function() (*Function, error) {
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

// setAside moves a row to table damaged.
func (s *Store) setAside(r row, reason error) error {
	tx, err := s.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	_, err = tx.Exec(`INSERT INTO damaged (door, account, name, version, record, reason, found) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		r.owner.Door, r.owner.Account, r.name, r.version, r.record, reason.Error(), time.Now().UnixNano())
	if err != nil {
		return err
	}
	if _, err := tx.Exec(`DELETE FROM functions WHERE door = ? AND account = ? AND name = ? AND version = ?`,
		r.owner.Door, r.owner.Account, r.name, r.version); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	s.damage = append(s.damage, Damage{r.owner, r.name, r.version, "table damaged of " + databaseFile, reason})
	return nil
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
