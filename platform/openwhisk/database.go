package openwhisk

import (
	"cmp"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lambdabench/lambdabench/platform/sqlite"
)

const schema = `
CREATE TABLE IF NOT EXISTS packages (namespace TEXT, name TEXT, record TEXT NOT NULL, PRIMARY KEY (namespace, name));
CREATE TABLE IF NOT EXISTS actions (
	namespace TEXT, package TEXT, name TEXT, record TEXT NOT NULL, code TEXT NOT NULL,
	PRIMARY KEY (namespace, package, name)
);
CREATE TABLE IF NOT EXISTS activations (
	id TEXT PRIMARY KEY, namespace TEXT NOT NULL, name TEXT NOT NULL, start_ms INTEGER NOT NULL,
	ended INTEGER NOT NULL, size INTEGER NOT NULL, record TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS activations_recent ON activations (namespace, start_ms);
`

// database holds packages and actions: on disk before a change returns, in
// memory, but for their code, for lookups.
type database struct {
	sql     *sql.DB
	file    sqlite.Place
	log     *slog.Logger
	damaged bool // a row may be missing: something could not be read, now or at an earlier start (sqlite.Damaged)

	mu       sync.RWMutex // guards what follows
	packages map[[2]string]*Package
	actions  map[[3]string]*Action
}

// databaseFile is in the data directory.
const databaseFile = "openwhisk.db"

// failed names the database that an error is of.
func failed(err error) error { return sqlite.Named(databaseFile, err) }

// openDatabase reads all packages and actions. A row that cannot be read is logged and
// stays in the database, and is not served.
func openDatabase(dir string, log *slog.Logger) (*database, error) {
	path := filepath.Join(dir, databaseFile)
	damage, kept := sqlite.Rescue(path, sqlite.Aside(dir, time.Now()))
	if damage != nil && !kept {
		return nil, damage
	}
	if damage != nil {
		log.Error("part of the data directory cannot be read: " + damage.Error())
	}
	damaged, err := sqlite.Damaged(dir)
	if err != nil {
		return nil, err
	}
	db, err := sqlite.Open(path, "locking_mode(EXCLUSIVE)") // one connection has it, so no shared memory is needed
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // a reader that turns writer would find the database busy
	d := &database{sql: db, log: log, damaged: len(damaged) > 0, packages: map[[2]string]*Package{},
		actions: map[[3]string]*Action{}}
	if err := d.load(path); err != nil {
		return nil, errors.Join(failed(err), db.Close())
	}
	return d, nil
}

func (d *database) load(path string) (err error) {
	if d.file, err = sqlite.PlaceOf(path); err != nil {
		return err
	}
	if _, err := d.sql.Exec(schema); err != nil {
		return err
	}
	bad := func(id string, err error) {
		d.damaged = true
		d.log.Error("a row of "+databaseFile+" cannot be read, and is left there", "row", id, "error", err)
	}
	err = each(d.sql, `SELECT 'package ' || namespace || '/' || name, record FROM packages`, bad,
		func(p *Package) { d.packages[[2]string{p.Namespace, p.Name}] = p })
	if err != nil {
		return err
	}
	return each(d.sql, `SELECT 'action ' || namespace || '/' || package || '/' || name, record FROM actions`, bad,
		func(c *Action) { d.actions[c.key()] = c })
}

// each decodes the rows of a query for an identifier and a record. bad is told
// of those that cannot be.
func each[T any](db *sql.DB, query string, bad func(id string, err error), do func(*T), args ...any) error {
	rows, err := db.Query(query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var record []byte
		v := new(T)
		if err := rows.Scan(&id, &record); err != nil {
			return err
		}
		if err := json.Unmarshal(record, v); err != nil {
			bad(id, err)
			continue
		}
		do(v)
	}
	return rows.Err()
}

// exec runs one statement that changes something. Its change is on disk afterwards.
func (d *database) exec(statement string, args ...any) error {
	if _, err := d.sql.Exec(statement, args...); err != nil {
		return err
	}
	return d.file.Check()
}

func (d *database) close() error { return d.sql.Close() }

func (c *Action) key() [3]string { return [3]string{c.Namespace, c.Package, c.Name} }

func (d *database) pkg(namespace, name string) *Package {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.packages[[2]string{namespace, name}]
}

func (d *database) action(namespace, pkg, name string) *Action {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.actions[[3]string{namespace, pkg, name}]
}

// packagesOf are a namespace's packages, last changed first.
func (d *database) packagesOf(namespace string) []*Package {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var all []*Package
	for _, p := range d.packages {
		if p.Namespace == namespace {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b *Package) int {
		return cmp.Or(cmp.Compare(b.Updated, a.Updated), strings.Compare(a.Name, b.Name))
	})
	return all
}

// actionsOf are a package's actions, or with every all of the namespace, last
// changed first.
func (d *database) actionsOf(namespace, pkg string, every bool) []*Action {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var all []*Action
	for _, c := range d.actions {
		if c.Namespace == namespace && (every || c.Package == pkg) {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b *Action) int {
		return cmp.Or(cmp.Compare(b.Updated, a.Updated), strings.Compare(a.Package, b.Package),
			strings.Compare(a.Name, b.Name))
	})
	return all
}

// everyAction is the actions of all namespaces.
func (d *database) everyAction() []*Action {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return slices.Collect(maps.Values(d.actions))
}

func (d *database) putPackage(p *Package) error {
	record, err := json.Marshal(p)
	if err == nil {
		err = d.exec(`INSERT INTO packages (namespace, name, record) VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET record = excluded.record`, p.Namespace, p.Name, record)
	}
	if err != nil {
		return fmt.Errorf("write package %s: %w", p.Name, failed(err))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.packages[[2]string{p.Namespace, p.Name}] = p
	return nil
}

func (d *database) deletePackage(p *Package) error {
	if err := d.exec(`DELETE FROM packages WHERE namespace = ? AND name = ?`, p.Namespace, p.Name); err != nil {
		return fmt.Errorf("delete package %s: %w", p.Name, failed(err))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.packages, [2]string{p.Namespace, p.Name})
	return nil
}

// putAction writes an action; without code it keeps the one it has.
func (d *database) putAction(c *Action, code *string) error {
	record, err := json.Marshal(c)
	switch {
	case err != nil:
	case code != nil:
		err = d.exec(`INSERT INTO actions (namespace, package, name, record, code) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET record = excluded.record, code = excluded.code`,
			c.Namespace, c.Package, c.Name, record, *code)
	default:
		err = d.exec(`UPDATE actions SET record = ? WHERE namespace = ? AND package = ? AND name = ?`, record,
			c.Namespace, c.Package, c.Name)
	}
	if err != nil {
		return fmt.Errorf("write action %s: %w", c.Name, failed(err))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.actions[c.key()] = c
	return nil
}

func (d *database) deleteAction(c *Action) error {
	if err := d.exec(`DELETE FROM actions WHERE namespace = ? AND package = ? AND name = ?`, c.Namespace, c.Package,
		c.Name); err != nil {
		return fmt.Errorf("delete action %s: %w", c.Name, failed(err))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.actions, c.key())
	return nil
}

func (d *database) code(c *Action) (string, error) {
	var code string
	err := d.sql.QueryRow(`SELECT code FROM actions WHERE namespace = ? AND package = ? AND name = ?`, c.Namespace,
		c.Package, c.Name).Scan(&code)
	if errors.Is(err, sql.ErrNoRows) { // deleted meanwhile
		return "", errNotThere
	}
	if err != nil {
		return "", fmt.Errorf("read the code of action %s: %w", c.Name, failed(err))
	}
	return code, nil
}
