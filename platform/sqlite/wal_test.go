package sqlite

import (
	"os"
	"path/filepath"
	"testing"
)

// A byte of the log is flipped where SQLite checks it. What SQLite drops for it is said,
// and a copy is made.
func TestEachPartOfADamagedFrameIsNoticed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "live.db")
	db, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range []string{"CREATE TABLE t (x)", "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)",
		"INSERT INTO t VALUES (3)"} {
		if _, err := db.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	wal, err := os.ReadFile(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	const frameSize = frameHeaderSize + 4096
	frames := (len(wal) - walHeaderSize) / frameSize
	if frames < 4 || len(wal) != walHeaderSize+frames*frameSize {
		t.Fatalf("a log of %d bytes", len(wal))
	}
	lastButOne := walHeaderSize + (frames-2)*frameSize
	for name, c := range map[string]struct{ at, lost int }{
		"sound":                      {-1, 0},
		"page":                       {lastButOne + frameHeaderSize + 1000, 1},
		"page number":                {lastButOne, 1},
		"salt":                       {lastButOne + 8, 2},
		"checksum":                   {lastButOne + 16, 1},
		"checksum, second half":      {lastButOne + 23, 1},
		"salt of the last":           {lastButOne + frameSize + 8, 1},
		"checksum of the first":      {walHeaderSize + 16, frames - 1},
		"page of the last, as a cut": {len(wal) - 1, 0},
	} {
		dir := t.TempDir()
		copied := append([]byte(nil), wal...)
		if c.at >= 0 {
			copied[c.at] ^= 0x10
		}
		if err := os.WriteFile(filepath.Join(dir, "x.db-wal"), copied, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "x.db"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if lost, err := lostFrames(filepath.Join(dir, "x.db-wal")); lost != c.lost || err != nil {
			t.Errorf("%s: %d frames are lost, want %d; error %v", name, lost, c.lost, err)
		}
		damage, kept := Rescue(filepath.Join(dir, "x.db"), filepath.Join(dir, "aside"))
		_, err := os.Stat(filepath.Join(dir, "aside", "x.db-wal"))
		if (damage != nil) != (c.lost > 0) || !kept || (err == nil) != (c.lost > 0) {
			t.Errorf("%s: damage %v, kept %v, copy %v", name, damage, kept, err)
		}
	}
}
