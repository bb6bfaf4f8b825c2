package mpsc

import (
	"path/filepath"
	"testing"
	"time"
)

func TestProxiedCallsAreAnsweredAndCountedWhileTheDatabaseIsLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.db")
	db, err := OpenDatabase(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	c, err := NewController(config("a", "b"), db, Options{Executors: map[string]Executor{"a": takes(0), "b": takes(0)}})
	if err != nil {
		t.Fatal(err)
	}
	other, err := OpenDatabase(path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	tx, err := other.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(`INSERT INTO settings VALUES ('k', 'v')`); err != nil {
		t.Fatal(err)
	}
	const calls = 4
	begun := time.Now()
	for i := range calls {
		if r, err := c.Invoke(t.Context(), "nop", nil); err != nil || len(r.Tried) != 1 {
			t.Fatalf("call %d: %+v, %v", i, r, err)
		}
	}
	if took := time.Since(begun); took > 4*time.Second { // SQLite would wait for 5 s
		t.Errorf("%d calls waited for the lock: %v", calls, took)
	}
	counted := func(db *Database) (n int) {
		t.Helper()
		for _, p := range []string{"a", "b"} {
			tests, err := db.Recent(t.Context(), "nop", p, time.Unix(0, 0), 100)
			if err != nil {
				t.Fatal(err)
			}
			n += len(tests)
		}
		return n
	}
	if n := counted(db); n != calls {
		t.Errorf("while locked: %d of %d calls are counted", n, calls)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if n := counted(other); n != calls {
		t.Errorf("afterwards: %d of %d calls are on disk", n, calls)
	}
}
