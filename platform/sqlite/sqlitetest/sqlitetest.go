// Package sqlitetest leaves databases to tests as bad luck leaves them.
//
//	sqlitetest.DamagedCopy(t, live, dir, "functions.db", 0.5)
package sqlitetest

import (
	"os"
	"path/filepath"
	"testing"
)

// DamagedCopy copies the folder of a database that is open to dir, as a kill leaves the folder, and
// flips a bit of the database's write-ahead log there. The bit lies after a share of the log, from
// 0 up to 1.
func DamagedCopy(t testing.TB, live, dir, database string, share float64) {
	t.Helper()
	if err := os.CopyFS(dir, os.DirFS(live)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, database+"-wal")
	wal, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	wal[int(share*float64(len(wal)))] ^= 1
	if err := os.WriteFile(path, wal, 0o600); err != nil {
		t.Fatal(err)
	}
}
