// Package store keeps functions, their versions and their code on disk, and
// the asynchronous invocations that were accepted and have not ended.
//
// A change survives a crash at any moment once its method has returned: records are
// rows of an SQLite database in WAL mode, written through before the method
// returns, and code is unpacked aside, synced and moved into place before the
// row that names it is written. A crash leaves at worst a package that no row
// names; Sweep removes it. CreateMany makes a whole population in one sync and
// one transaction.
//
//	st, err := store.Open(dir)
//	mine := st.Of(store.Owner{Door: "lambda", Account: "000000000000"})
//	fn, err := mine.Create(store.Function{Name: "hello", Runtime: "nodejs20.x", Handler: "index.handler"}, zip)
//	fn, err = mine.Get("hello", "")
//	run(fn.Package) // the unpacked code
//
// Every function has an owner: an account of one front door. A door reads and
// changes functions by way of Of alone, so that it reaches no other owner's.
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
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/lambdabench/lambdabench/platform/sqlite"
)

// Latest is the version that can be changed.
const Latest = "$LATEST"

// Owner owns functions: an account of one front door. The zero Owner has the
// functions of a database that was made before functions had owners, until a door
// claims them.
type Owner struct {
	Door    string // "lambda"
	Account string // AWS's account number, OpenWhisk's namespace
}

// String is for messages.
func (o Owner) String() string { return o.Door + " " + o.Account }

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
	Owner      Owner     `json:"-"`
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
	dir    string
	db     *sql.DB
	file   sqlite.Place // of the database
	lock   *os.File
	opened time.Time

	damage []string // that Open found

	writes sync.Mutex // serialises changes; acquired before mu

	mu      sync.RWMutex // guards what follows; not held over disk operations
	owners  map[Owner]*Functions
	uses    map[string]int // packages by how many versions name them
	retired map[string]time.Time
}

// Open opens or creates the store in dir, and reads all records. The directory
// and the files in it are for this user alone afterwards. A record that cannot
// be read is set aside, see Damage. The error wraps ErrInUse when another
// process holds the directory.
func Open(dir string) (*Store, error) {
	s := &Store{dir: dir, opened: time.Now(), owners: map[Owner]*Functions{}, uses: map[string]int{},
		retired: map[string]time.Time{}}
	if err := s.open(); err != nil {
		s.Close()
		return nil, fmt.Errorf("open store %s: %w", dir, diskFull(err))
	}
	return s, nil
}

func (s *Store) open() (err error) {
	if s.lock, err = secure(s.dir); err != nil {
		return err
	}
	for _, d := range []string{s.codeDir(), s.tempDir()} {
		if err := privateDir(d); err != nil {
			return err
		}
	}
	if err := emptyDir(s.tempDir()); err != nil {
		return err
	}
	if err := s.rescue(); err != nil {
		return err
	}
	if s.db, err = sqlite.Open(s.databasePath(), "locking_mode(EXCLUSIVE)"); err != nil {
		return err
	}
	if s.file, err = sqlite.PlaceOf(s.databasePath()); err != nil {
		return err
	}
	// One connection holds the file alone, so that SQLite maps no shared memory, which a
	// full disk could take away.
	s.db.SetMaxOpenConns(1)
	fresh, err := migrate(s.db)
	if err == nil {
		err = s.load()
	}
	if err != nil {
		return sqlite.Named(databaseFile, err)
	}
	return s.retireUnnamed(fresh)
}

func (s *Store) databasePath() string { return filepath.Join(s.dir, databaseFile) }

// Of is the functions of an owner.
func (s *Store) Of(owner Owner) *Functions {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.of(owner)
}

// of is Of with s.mu held.
func (s *Store) of(owner Owner) *Functions {
	f := s.owners[owner]
	if f == nil {
		f = &Functions{s: s, owner: owner, byName: map[string]*entry{}}
		s.owners[owner] = f
	}
	return f
}

// Owners are those of a door that have functions, in order.
func (s *Store) Owners(door string) []Owner {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []Owner
	for owner, f := range s.owners {
		if owner.Door == door && len(f.byName) > 0 {
			all = append(all, owner)
		}
	}
	slices.SortFunc(all, func(a, b Owner) int { return strings.Compare(a.Account, b.Account) })
	return all
}

// unuse removes one version from the count of a package. s.mu is held.
func (s *Store) unuse(fn *Function) {
	if s.uses[fn.CodeSHA256]--; s.uses[fn.CodeSHA256] == 0 {
		delete(s.uses, fn.CodeSHA256)
		s.retired[fn.CodeSHA256] = time.Now()
	}
}

// Close closes the files. Every acknowledged change is on disk before.
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

// stamp gives a record a new revision and time, as every change does.
func stamp(fn *Function) {
	fn.Revision = uuid.NewString()
	fn.Modified = time.Now().UTC()
}
