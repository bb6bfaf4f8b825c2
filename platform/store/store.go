// Package store keeps functions, their versions and their code on disk, and
// the asynchronous invocations that were accepted and have not ended.
//
// What a method returned for is there after a crash at any moment: records are
// rows of an SQLite database in WAL mode, written through before the method
// returns, and code is unpacked aside, synced and moved into place before the
// row that names it is written. A crash leaves at worst a package that no row
// names; Open removes it. CreateMany makes a whole population in one sync and
// one transaction.
//
//	st, err := store.Open(dir)
//	fn, err := st.Create(store.Function{Name: "hello", Runtime: "nodejs20.x", Handler: "index.handler"}, zip)
//	fn, err = st.Get("hello", "")
//	run(fn.Package) // the unpacked code
//
// Lookups are served from memory and touch no disk. One platform at a time may
// hold a directory.
//
// SQLite (modernc.org/sqlite, in Go alone) is chosen over files of our own
// because its durability is tested by others, and over an embedded key-value
// store because the platform needs it for MPSC's metrics anyway.
package store

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/lambdabench/lambdabench/platform/sqlite"
)

// Latest is the version that can be changed.
const Latest = "$LATEST"

// Function is one version of a function. Values are never changed once they
// were handed out.
type Function struct {
	Name        string            `json:"name"`
	Version     string            `json:"version"` // Latest or a number
	Runtime     string            `json:"runtime"`
	Handler     string            `json:"handler"`
	Role        string            `json:"role,omitempty"`
	Description string            `json:"description,omitempty"`
	Timeout     time.Duration     `json:"timeout"`
	MemoryMB    int               `json:"memory_mb"`
	Environment map[string]string `json:"environment,omitempty"`
	Concurrency *int              `json:"concurrency,omitempty"` // reserved; of Latest alone

	// Set by the store.
	CodeSHA256 string    `json:"code_sha256"` // hexadecimal, of the zip
	CodeSize   int64     `json:"code_size"`   // bytes of the zip
	Revision   string    `json:"revision"`    // a UUID, new with every change
	Modified   time.Time `json:"modified"`
	Published  int       `json:"published,omitempty"` // last published version; of Latest alone

	Package string `json:"-"` // directory of the unpacked code
}

// Store is the functions of one directory. Its methods may be called from any
// number of goroutines.
type Store struct {
	dir  string
	db   *sql.DB
	lock *os.File

	writes sync.Mutex // serialises changes; taken before mu

	mu      sync.RWMutex // guards what follows; not held over disk operations
	byName  map[string]*entry
	names   []string       // sorted
	uses    map[string]int // packages by how many versions name them
	retired map[string]time.Time
}

type entry struct {
	latest   *Function
	versions map[string]*Function // published ones
}

const schema = `
CREATE TABLE IF NOT EXISTS functions (
	name TEXT NOT NULL,
	version TEXT NOT NULL,
	record TEXT NOT NULL,
	PRIMARY KEY (name, version)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
	id TEXT PRIMARY KEY,
	name TEXT NOT NULL,
	version TEXT NOT NULL,
	payload BLOB,
	context BLOB,
	accepted INTEGER NOT NULL -- nanoseconds since 1970
) WITHOUT ROWID;
`

// Open opens or creates the store in dir, removes what a killed predecessor
// left half done, and reads all records. The error wraps ErrInUse when another
// process holds the directory.
func Open(dir string) (*Store, error) {
	s := &Store{dir: dir, byName: map[string]*entry{}, uses: map[string]int{}, retired: map[string]time.Time{}}
	if err := s.open(); err != nil {
		s.Close()
		return nil, fmt.Errorf("open store %s: %w", dir, err)
	}
	return s, nil
}

func (s *Store) open() error {
	for _, d := range []string{s.dir, s.codeDir(), s.tempDir()} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	var err error
	if s.lock, err = lockDir(s.dir); err != nil {
		return err
	}
	if err := emptyDir(s.tempDir()); err != nil {
		return err
	}
	if s.db, err = sqlite.Open(filepath.Join(s.dir, "functions.db"), "locking_mode(EXCLUSIVE)"); err != nil {
		return err
	}
	s.db.SetMaxOpenConns(1) // which holds the file alone, so that SQLite maps no shared memory that a full disk could take away
	if _, err := s.db.Exec(schema); err != nil {
		return err
	}
	if err := s.load(); err != nil {
		return err
	}
	return s.removeUnnamed()
}

// load reads all records into memory.
func (s *Store) load() error {
	rows, err := s.db.Query(`SELECT record FROM functions`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var record []byte
		fn := new(Function)
		if err := rows.Scan(&record); err != nil {
			return err
		}
		if err := json.Unmarshal(record, fn); err != nil {
			return fmt.Errorf("record of a function: %w", err)
		}
		fn.Package = s.taskDir(fn.CodeSHA256)
		s.put(fn)
	}
	s.names = slices.Sorted(maps.Keys(s.byName))
	return rows.Err()
}

// put makes fn the one of its name and version in memory. s.mu is held, or
// nobody else knows the store yet.
func (s *Store) put(fn *Function) {
	e := s.byName[fn.Name]
	if e == nil {
		e = &entry{}
		s.byName[fn.Name] = e
	}
	s.uses[fn.CodeSHA256]++
	delete(s.retired, fn.CodeSHA256)
	if fn.Version != Latest {
		if e.versions == nil {
			e.versions = map[string]*Function{}
		}
		e.versions[fn.Version] = fn
		return
	}
	if e.latest != nil {
		s.unuse(e.latest)
	}
	e.latest = fn
}

// unuse counts one version less that names a package. s.mu is held.
func (s *Store) unuse(fn *Function) {
	if s.uses[fn.CodeSHA256]--; s.uses[fn.CodeSHA256] == 0 {
		delete(s.uses, fn.CodeSHA256)
		s.retired[fn.CodeSHA256] = time.Now()
	}
}

// Close closes the files. Nothing that was acknowledged waits for it.
func (s *Store) Close() error {
	var errs []error
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	if s.lock != nil {
		if err := s.lock.Close(); !errors.Is(err, os.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Get returns a version of a function; version "" is Latest.
func (s *Store) Get(name, version string) (*Function, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e := s.byName[name]
	if e != nil && (version == "" || version == Latest) && e.latest != nil {
		return e.latest, nil
	}
	if e != nil && e.versions[version] != nil {
		return e.versions[version], nil
	}
	return nil, fmt.Errorf("%w: %s %s", ErrNotFound, name, version)
}

// List returns up to limit functions whose names come after marker, in order,
// and the marker of the next page, "" when there is none.
func (s *Store) List(marker string, limit int) (page []*Function, next string) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	at, found := slices.BinarySearch(s.names, marker)
	if found {
		at++
	}
	for ; at < len(s.names); at++ {
		if len(page) == limit {
			return page, page[limit-1].Name
		}
		page = append(page, s.byName[s.names[at]].latest)
	}
	return page, ""
}

// Versions returns Latest and all published versions of a function, oldest
// first.
func (s *Store) Versions(name string) ([]*Function, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e := s.byName[name]
	if e == nil {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, name)
	}
	all := slices.Collect(maps.Values(e.versions))
	slices.SortFunc(all, func(a, b *Function) int { return number(a) - number(b) })
	return append([]*Function{e.latest}, all...), nil
}

func number(fn *Function) int {
	n, _ := strconv.Atoi(fn.Version)
	return n
}

// stamp gives a record what every change renews.
func stamp(fn *Function) {
	fn.Revision = uuid.NewString()
	fn.Modified = time.Now().UTC()
}
