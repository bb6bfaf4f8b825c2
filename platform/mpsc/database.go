package mpsc

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/lambdabench/lambdabench/platform/sqlite"
)

// Database is the metrics database, one row a test. A test that Record
// returned for is on disk.
//
// Times in it never run backwards, whatever the host's clock does: a row's time
// is that of the process's start and the monotonic time since, and a process
// that starts with an earlier clock goes on from the last row.
type Database struct {
	db     *sql.DB
	damage error
	epoch  time.Time // wall clock and monotonic reading of one moment

	mu    sync.Mutex // guards shift
	shift time.Duration

	waiting sync.Mutex // guards pending
	pending []Test     // appended, and not yet on disk
	wake    chan struct{}
	asked   chan chan<- struct{} // readers that have the writer write now; it closes what they send
	stop    chan struct{}
	done    chan struct{}
	once    sync.Once
}

const insertTest = `INSERT INTO tests (function, provider, round_trip_ns, class, error, at_ns)
	VALUES (?, ?, ?, ?, ?, ?)`

const schema = `
CREATE TABLE IF NOT EXISTS tests (
	id INTEGER PRIMARY KEY,
	function TEXT NOT NULL,
	provider TEXT NOT NULL,
	round_trip_ns INTEGER NOT NULL,
	class TEXT NOT NULL,
	error TEXT NOT NULL,
	at_ns INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS tests_recent ON tests (function, provider, at_ns);
CREATE TABLE IF NOT EXISTS schedules (
	name TEXT PRIMARY KEY,
	source TEXT NOT NULL,
	at_ns INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS settings (key TEXT PRIMARY KEY, value TEXT NOT NULL);
`

// OpenDatabase opens or creates the SQLite file at path. Damage says what of it could not be
// read.
func OpenDatabase(path string) (*Database, error) {
	damage, kept := sqlite.Rescue(path, sqlite.Aside(filepath.Dir(path), time.Now()))
	if damage != nil && !kept {
		return nil, fmt.Errorf("open metrics database %s: %w", path, damage)
	}
	db, err := sqlite.Open(path, "busy_timeout(5000)")
	if err != nil {
		return nil, fmt.Errorf("open metrics database %s: %w", path, err)
	}
	if _, err := db.Exec(schema); err != nil {
		return nil, errors.Join(fmt.Errorf("open metrics database %w", sqlite.Named(path, err)), db.Close())
	}
	d := &Database{db: db, damage: damage, epoch: time.Now(), wake: make(chan struct{}, 1),
		asked: make(chan chan<- struct{}), stop: make(chan struct{}), done: make(chan struct{})}
	var last sql.NullInt64
	if err := db.QueryRow(`SELECT max(at_ns) FROM tests`).Scan(&last); err != nil {
		return nil, errors.Join(fmt.Errorf("open metrics database %w", sqlite.Named(path, err)), db.Close())
	}
	if ahead := last.Int64 - d.epoch.UnixNano(); last.Valid && ahead >= 0 {
		d.shift = time.Duration(ahead) + 1
	}
	go d.write()
	return d, nil
}

// Damage is nil, or says that the database was damaged when it was opened, where a copy is,
// and what helps.
func (d *Database) Damage() error { return d.damage }

// Close writes what was appended and closes the file. A second Close does
// nothing.
func (d *Database) Close() (err error) {
	d.once.Do(func() {
		close(d.stop)
		<-d.done
		err = errors.Join(d.flush(), d.db.Close())
	})
	return err
}

// Now is the database's clock.
func (d *Database) Now() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	elapsed := time.Since(d.epoch)
	return time.Unix(0, d.epoch.UnixNano()).Add(elapsed + d.shift).UTC()
}

// Record adds a test at the database's present time, and returns it with that
// time.
func (d *Database) Record(ctx context.Context, t Test) (Test, error) {
	t.At = d.Now()
	_, err := d.db.ExecContext(ctx, insertTest,
		t.Function, t.Provider, int64(t.RoundTrip), string(t.Class), t.Error, t.At.UnixNano())
	if err != nil {
		return t, fmt.Errorf("record test of %s at %s: %w", t.Function, t.Provider, err)
	}
	return t, nil
}

// Recent returns a provider's tests of a function since a moment, oldest
// first, and no more than the newest limit.
func (d *Database) Recent(ctx context.Context, function, provider string, since time.Time, limit int) ([]Test, error) {
	unwritten := d.unwritten(ctx)
	rows, err := d.db.QueryContext(ctx, `SELECT round_trip_ns, class, error, at_ns FROM (
		SELECT * FROM tests WHERE function = ? AND provider = ? AND at_ns >= ? ORDER BY at_ns DESC, id DESC LIMIT ?
	) ORDER BY at_ns, id`, function, provider, since.UnixNano(), limit)
	if err != nil {
		return nil, fmt.Errorf("read tests of %s at %s: %w", function, provider, err)
	}
	defer rows.Close()
	var out []Test
	for rows.Next() {
		t := Test{Function: function, Provider: provider}
		var rt, at int64
		if err := rows.Scan(&rt, &t.Class, &t.Error, &at); err != nil {
			return nil, fmt.Errorf("read tests of %s at %s: %w", function, provider, err)
		}
		t.RoundTrip, t.At = time.Duration(rt), time.Unix(0, at).UTC()
		out = append(out, t)
	}
	for _, t := range unwritten { // those that are not on disk by now
		if t.Function == function && t.Provider == provider && !t.At.Before(since) && !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	slices.SortStableFunc(out, func(a, b Test) int { return a.At.Compare(b.At) })
	return out[max(0, len(out)-limit):], rows.Err()
}

// saveSchedule keeps a user's schedule; a later one of the same name replaces
// it.
func (d *Database) saveSchedule(ctx context.Context, name, source string) error {
	_, err := d.db.ExecContext(ctx, `INSERT INTO schedules (name, source, at_ns) VALUES (?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET source = excluded.source, at_ns = excluded.at_ns`,
		name, source, d.Now().UnixNano())
	if err != nil {
		return fmt.Errorf("save schedule %s: %w", name, err)
	}
	return nil
}

// schedules returns the users' schedules by name.
func (d *Database) schedules(ctx context.Context) (map[string]string, error) {
	rows, err := d.db.QueryContext(ctx, `SELECT name, source FROM schedules`)
	if err != nil {
		return nil, fmt.Errorf("read schedules: %w", err)
	}
	defer rows.Close()
	out := map[string]string{}
	for rows.Next() {
		var name, source string
		if err := rows.Scan(&name, &source); err != nil {
			return nil, fmt.Errorf("read schedules: %w", err)
		}
		out[name] = source
	}
	return out, rows.Err()
}

// setting reads a value that outlives the process; "" is none.
func (d *Database) setting(ctx context.Context, key string) (string, error) {
	var v string
	err := d.db.QueryRowContext(ctx, `SELECT value FROM settings WHERE key = ?`, key).Scan(&v)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return v, err
}

func (d *Database) set(ctx context.Context, key, value string) error {
	_, err := d.db.ExecContext(ctx, `INSERT INTO settings (key, value) VALUES (?, ?)
		ON CONFLICT (key) DO UPDATE SET value = excluded.value`, key, value)
	return err
}
