package store

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/platform/lambdatest"
	"github.com/lambdabench/lambdabench/platform/sqlite"
)

// killed makes a store's directory with functions as a kill leaves it: all
// changes are in the log.
func killed(t *testing.T, functions int) string {
	t.Helper()
	live, dir := t.TempDir(), t.TempDir()
	s := open(t, live)
	for i := range functions {
		if _, err := s.Of(lambdas).Create(hello(fmt.Sprintf("f-%03d", i)),
			lambdatest.Zip(t, "index.js", fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(dir, os.DirFS(live)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func entries(t *testing.T, dir string) int {
	t.Helper()
	found, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return len(found)
}

func TestADamagedLogIsSaidAndNothingIsRemoved(t *testing.T) {
	const functions = 60
	dir := killed(t, functions)
	path := filepath.Join(dir, databaseFile+"-wal")
	wal, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		bit := len(wal)/4*8 + rnd.IntN(len(wal)*4)
		wal[bit/8] ^= 1 << (bit % 8)
	}
	if err := os.WriteFile(path, wal, 0o600); err != nil {
		t.Fatal(err)
	}
	for start := range 2 {
		s := open(t, dir)
		if page, _ := s.Of(lambdas).List("", 1000); len(page) == 0 || len(page) == functions {
			t.Fatalf("%d of %d functions are there: the test damages the wrong place", len(page), functions)
		}
		if said := strings.Join(s.Damage(), "\n"); start == 0 &&
			(!strings.Contains(said, "functions.db-wal is damaged") || !strings.Contains(said, "a copy") ||
				!strings.Contains(said, "send again what is missing")) {
			t.Errorf("start %d says %q", start, said)
		}
		if _, err := s.Sweep(0); err != nil {
			t.Fatal(err)
		}
		if n := entries(t, s.codeDir()); n != functions {
			t.Errorf("start %d: %d packages of %d are left", start, n, functions)
		}
		s.Close()
	}
	copies, _ := filepath.Glob(filepath.Join(dir, "damaged", "*", "functions.db-wal"))
	if len(copies) != 1 {
		t.Fatalf("copies of the log: %v", copies)
	}
	if aside, err := os.ReadFile(copies[0]); err != nil || string(aside) != string(wal) {
		t.Errorf("the copy is not the log: %d bytes, %v", len(aside), err)
	}
}

func TestAKilledStoreIsNotTakenForDamaged(t *testing.T) {
	dir := killed(t, 10)
	path := filepath.Join(dir, databaseFile+"-wal")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()-100); err != nil { // the last write was cut short
		t.Fatal(err)
	}
	s := open(t, dir)
	if page, _ := s.Of(lambdas).List("", 100); len(page) != 9 || len(s.Damage()) > 0 {
		t.Errorf("%d functions, %v", len(page), s.Damage())
	}
	if n, err := s.Sweep(0); n != 1 || err != nil { // the package of the change that was never acknowledged
		t.Errorf("swept %d, %v", n, err)
	}
}

func TestADamagedRecordIsSetAsideByName(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for _, name := range []string{"bad", "good", "half"} {
		if _, err := s.Of(lambdas).Create(hello(name), lambdatest.Zip(t, "index.js", name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Of(lambdas).Publish("half", "", ""); err != nil {
		t.Fatal(err)
	}
	s.Close()
	db, err := sqlite.Open(filepath.Join(dir, databaseFile))
	if err != nil {
		t.Fatal(err)
	}
	run(t, db, `UPDATE functions SET record = '{"name": "ba' WHERE name = 'bad'`)
	run(t, db, `UPDATE functions SET record = x'00ff' WHERE name = 'half' AND version = '$LATEST'`)
	db.Close()
	s = open(t, dir)
	said := strings.Join(s.Damage(), "\n")
	if len(s.Damage()) != 2 || !strings.Contains(said, "function bad, version $LATEST") ||
		!strings.Contains(said, "function half") {
		t.Errorf("said: %s", said)
	}
	if _, err := s.Of(lambdas).Get("bad", ""); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
	for _, name := range []string{"good", "half"} { // half: its published version is whole
		if _, err := s.Of(lambdas).Get(name, ""); err != nil {
			t.Error(err)
		}
	}
	if aside, _ := filepath.Glob(filepath.Join(dir, "damaged", "*", "lambda-*-bad-LATEST.json")); len(aside) != 1 {
		t.Errorf("set aside: %v", aside)
	}
	if n, _ := s.Sweep(0); n != 0 {
		t.Errorf("swept %d packages that the damaged record may name", n)
	}
	s.Close()
	if s = open(t, dir); len(s.Damage()) > 0 {
		t.Errorf("the next start says it again: %v", s.Damage())
	}
	s.Close()
	if err := os.RemoveAll(filepath.Join(dir, "damaged")); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if n, err := s.Sweep(0); n != 1 || err != nil {
		t.Errorf("swept %d, %v after what was damaged is gone", n, err)
	}
}

func TestPackagesStayWhenTheDatabaseWasTakenAway(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := s.Of(lambdas).Create(hello("f"), lambdatest.Zip(t, "index.js", "x")); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if err := os.Remove(filepath.Join(dir, databaseFile)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s = open(t, dir)
		if n, err := s.Sweep(0); n != 0 || err != nil || entries(t, s.codeDir()) != 1 {
			t.Errorf("swept %d, %v", n, err)
		}
		s.Close()
	}
}

func TestNothingIsAcknowledgedWithoutItsDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := open(t, dir)
	mine := s.Of(lambdas)
	if _, err := mine.Create(hello("f"), lambdatest.Zip(t, "index.js", "x")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	open(t, dir) // the directory is there again, and another's
	for name, call := range map[string]func() error{
		"create":  func() error { _, err := mine.Create(hello("g"), lambdatest.Zip(t, "index.js", "x")); return err },
		"update":  func() error { _, err := mine.Update("f", "", func(*Function) error { return nil }); return err },
		"publish": func() error { _, err := mine.Publish("f", "", ""); return err },
		"event":   func() error { return mine.AddEvent(Event{ID: "1", Name: "f"}) },
		"delete":  func() error { return mine.Delete("f", "") },
		"health":  func() error { return s.Health(t.Context()) },
	} {
		if err := call(); !errors.Is(err, sqlite.ErrGone) {
			t.Errorf("%s: %v, want ErrGone", name, err)
		}
	}
}

func TestADataDirectoryIsForItsUserAlone(t *testing.T) {
	old := unix.Umask(0)
	defer unix.Umask(old)
	dir := filepath.Join(t.TempDir(), "data")
	check := func() {
		t.Helper()
		s := open(t, dir)
		fn, err := s.Of(lambdas).Get("f", "")
		if errors.Is(err, ErrNotFound) {
			fn, err = s.Of(lambdas).Create(hello("f"), lambdatest.Zip(t, "index.js", "x"))
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"", "code", "temp", databaseFile, databaseFile + "-wal", lockFile} {
			if info, err := os.Stat(filepath.Join(dir, path)); err != nil || info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%q: %v, %v", path, info.Mode(), err)
			}
		}
		if info, err := os.Stat(filepath.Join(fn.Package, "index.js")); err != nil || info.Mode().Perm() != 0o644 {
			t.Errorf("in a package: %v, %v", info.Mode(), err)
		}
		s.Close()
	}
	check()
	for path, mode := range map[string]os.FileMode{"": 0o755, "code": 0o755, "temp": 0o755, databaseFile: 0o644,
		lockFile: 0o644} {
		if err := os.Chmod(filepath.Join(dir, path), mode); err != nil {
			t.Fatal(err)
		}
	}
	check()
}

func TestADirectoryThatOthersUseStaysOpen(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "theirs"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s := open(t, dir)
		for path, want := range map[string]os.FileMode{"": 0o755, "theirs": 0o644, "code": 0o700, databaseFile: 0o600} {
			if info, err := os.Stat(filepath.Join(dir, path)); err != nil || info.Mode().Perm() != want {
				t.Errorf("%q: %v, %v; want %v", path, info.Mode(), err, want)
			}
		}
		s.Close()
	}
}

func TestAStartOnAFullDiskSaysWhatHelps(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("a full disk needs a small tmpfs, and mount says: %v (run as root)", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	fillDisk(t, filepath.Join(dir, "filler"))
	s, err := Open(filepath.Join(dir, "data"))
	if err == nil {
		s.Close()
		t.Fatal("a store was made on a full disk")
	}
	if !errors.Is(err, ErrDiskFull) || !strings.Contains(err.Error(), "make room") {
		t.Errorf("%v", err)
	}
}

func TestADatabaseThatCannotBeReadIsNamedAndNothingIsRemoved(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := s.Of(lambdas).Create(hello("f"), lambdatest.Zip(t, "index.js", "x")); err != nil {
		t.Fatal(err)
	}
	s.Close()
	path := filepath.Join(dir, databaseFile)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 100; i < len(data); i++ { // all but the header
		data[i] = 0xff
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), databaseFile) ||
		!strings.Contains(err.Error(), "put a sound copy of it back") {
		t.Errorf("%v", err)
	}
	if n := entries(t, s.codeDir()); n != 1 {
		t.Errorf("%d packages are left of 1", n)
	}
}
