package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestPathsMeanWhatTheySay(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, path := range []string{filepath.Join(dir, "plain.db"), filepath.Join(dir, "a?b#c%41 d.db"), "relative.db",
		"an%20other.db"} {
		db, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(`CREATE TABLE t (x)`); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		var mode string
		if err := db.QueryRow(`PRAGMA journal_mode`).Scan(&mode); err != nil || mode != "wal" {
			t.Errorf("%s: journal mode %q, %v", path, mode, err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

func TestAFailureNamesItsFileAndWhatHelps(t *testing.T) {
	dir := t.TempDir()
	noDatabase := filepath.Join(dir, "text.db")
	if err := os.WriteFile(noDatabase, []byte(strings.Repeat("no database ", 100)), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		path   string
		before []string
		says   string
	}{
		"full": {filepath.Join(dir, "full.db"), []string{"PRAGMA max_page_count = 1"}, "make room"},
		"read-only": {filepath.Join(dir, "ro.db"), []string{"PRAGMA query_only = 1"},
			"let the platform's user write"},
		"no database":   {noDatabase, nil, "put a sound copy of it back"},
		"no directory":  {filepath.Join(dir, "none", "x.db"), nil, "let the platform's user write"},
		"own statement": {filepath.Join(dir, "own.db"), []string{"CREATE TABLE t (x)"}, "see the platform's log"},
	} {
		db, err := Open(c.path)
		if err != nil {
			t.Fatal(err)
		}
		db.SetMaxOpenConns(1)
		for _, s := range c.before {
			if _, err := db.Exec(s); err != nil {
				t.Fatal(err)
			}
		}
		_, err = db.Exec("CREATE TABLE t (x)")
		if text := fmt.Sprint(Named("x.db", err)); err == nil || !strings.HasPrefix(text, "x.db: ") ||
			!strings.Contains(text, c.says) {
			t.Errorf("%s: %s, want %q", name, text, c.says)
		}
		db.Close()
	}
	if Named("x.db", nil) != nil || !Full(fmt.Errorf("write: %w", unix.ENOSPC)) || Full(errors.New("full")) {
		t.Error("an error is found where there is none, or the other way round")
	}
}
