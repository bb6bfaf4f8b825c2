package sqlite

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// After a checkpoint SQLite writes the log from its beginning again. Frames of the earlier
// use stay behind the last frame of this use, and a kill leaves them there.
func TestFramesOfAnEarlierUseOfTheLogAreNoDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "live.db")
	db, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	execute := func(statements ...string) {
		t.Helper()
		for _, s := range statements {
			if _, err := db.Exec(s); err != nil {
				t.Fatal(err)
			}
		}
	}
	execute("CREATE TABLE t (x)")
	for i := range 20 {
		execute(fmt.Sprintf("INSERT INTO t VALUES (%d)", i))
	}
	before, err := os.ReadFile(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	execute("PRAGMA wal_checkpoint", "INSERT INTO t VALUES (20)", "INSERT INTO t VALUES (21)")
	wal, err := os.ReadFile(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	if len(wal) != len(before) || string(wal[16:24]) == string(before[16:24]) {
		t.Fatalf("the log was not written again: %d bytes, then %d", len(before), len(wal))
	}
	dir := t.TempDir()
	copied := filepath.Join(dir, "x.db-wal")
	if err := os.WriteFile(copied, wal, 0o600); err != nil {
		t.Fatal(err)
	}
	if lost, err := lostFrames(copied); lost != 0 || err != nil {
		t.Errorf("%d frames are lost, error %v", lost, err)
	}
	wal[walHeaderSize+frameHeaderSize+1000] ^= 0x10 // of the first frame of this use
	if err := os.WriteFile(copied, wal, 0o600); err != nil {
		t.Fatal(err)
	}
	if lost, err := lostFrames(copied); lost != 1 || err != nil {
		t.Errorf("with a damaged first frame %d frames are lost, want 1; error %v", lost, err)
	}
}

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
		aside := Aside(dir, time.Now())
		damage, kept := Rescue(filepath.Join(dir, "x.db"), aside)
		_, err := os.Stat(filepath.Join(aside, "x.db-wal"))
		if (damage != nil) != (c.lost > 0) || !kept || (err == nil) != (c.lost > 0) {
			t.Errorf("%s: damage %v, kept %v, copy %v", name, damage, kept, err)
		}
		there, err := Damaged(dir)
		if want := min(c.lost, 1); len(there) != want || err != nil || want == 1 && there[0] != aside {
			t.Errorf("%s: damaged data lies in %v, error %v", name, there, err)
		}
		if damage == nil {
			continue
		}
		for _, says := range []string{"acknowledged changes may be lost", "a copy of x.db and x.db-wal", aside,
			"send again what is missing", "put a sound backup"} {
			if !strings.Contains(damage.Error(), says) {
				t.Errorf("%s: %q lacks %q", name, damage, says)
			}
		}
	}
}
