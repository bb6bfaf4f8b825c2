package store

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/platform/lambdatest"
	"github.com/lambdabench/lambdabench/platform/sqlite"
)

func TestAnOwnerReachesItsOwnFunctionsAlone(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for _, owner := range []Owner{lambdas, guests} {
		if _, err := s.Of(owner).Create(hello("same"), lambdatest.Zip(t, "index.js", owner.Door)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Of(guests).Create(hello("theirs"), lambdatest.Zip(t, "index.js", "x")); err != nil {
		t.Fatal(err)
	}
	if err := s.Of(guests).AddEvent(Event{ID: "1", Name: "theirs"}); err != nil {
		t.Fatal(err)
	}
	mine := s.Of(lambdas)
	for name, call := range map[string]func() error{
		"get": func() error { _, err := mine.Get("theirs", ""); return err },
		"update": func() error {
			_, err := mine.Update("theirs", "", func(*Function) error { return nil })
			return err
		},
		"publish": func() error { _, err := mine.Publish("theirs", "", ""); return err },
		"reserve": func() error { _, err := mine.Reserve("theirs", nil); return err },
		"delete":  func() error { return mine.Delete("theirs", "") },
	} {
		if err := call(); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v, want ErrNotFound", name, err)
		}
	}
	if page, _ := mine.List("", 10); len(page) != 1 || page[0].Name != "same" {
		t.Errorf("listed: %v", page)
	}
	if events, err := mine.Events(); err != nil || len(events) > 0 {
		t.Errorf("events: %v, %v", events, err)
	}
	if err := mine.DropEvent("1"); err != nil {
		t.Fatal(err)
	}
	if err := mine.Delete("same", ""); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = open(t, dir)
	fn, err := s.Of(guests).Get("same", "")
	if err != nil || fn.Owner != guests {
		t.Fatalf("%+v, %v", fn, err)
	}
	if got, err := os.ReadFile(filepath.Join(fn.Package, "index.js")); err != nil || string(got) != "openwhisk" {
		t.Errorf("%q, %v", got, err)
	}
	if events, err := s.Of(guests).Events(); err != nil || len(events) != 1 {
		t.Errorf("events: %v, %v", events, err)
	}
	if owners := s.Owners("openwhisk"); len(owners) != 1 || owners[0] != guests {
		t.Errorf("owners: %v", owners)
	}
}

// version0 is what this package wrote before functions had owners.
const version0 = `
CREATE TABLE functions (name TEXT NOT NULL, version TEXT NOT NULL, record TEXT NOT NULL,
	PRIMARY KEY (name, version)) WITHOUT ROWID;
CREATE TABLE events (
	id TEXT PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL, payload BLOB, context BLOB,
	accepted INTEGER NOT NULL
) WITHOUT ROWID;
`

// makeVersion0 makes the database of an older platform, with records of
// functions as name, version pairs.
func makeVersion0(t *testing.T, dir string, functions ...string) {
	t.Helper()
	db, err := sqlite.Open(filepath.Join(dir, databaseFile))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	run(t, db, version0)
	for i := 0; i < len(functions); i += 2 {
		run(t, db, `INSERT INTO functions VALUES (?, ?, ?)`, functions[i], functions[i+1],
			fmt.Sprintf(`{"name":%q,"version":%q,"runtime":"nodejs20.x","handler":"index.handler",`+
				`"timeout":3000000000,"memory_mb":128,"code_sha256":%q}`,
				functions[i], functions[i+1], strings.Repeat("a", 64)))
		run(t, db, `INSERT INTO events VALUES (?, ?, '', x'7b7d', NULL, 7)`, fmt.Sprint("event-", i), functions[i])
	}
}

func run(t *testing.T, db *sql.DB, statement string, args ...any) {
	t.Helper()
	if _, err := db.Exec(statement, args...); err != nil {
		t.Fatal(err)
	}
}

func TestADirectoryWithoutOwnersIsClaimedByItsDoors(t *testing.T) {
	dir := t.TempDir()
	makeVersion0(t, dir, "f", Latest, "f", "1", "action-1", Latest)
	s := open(t, dir)
	theirs := func(fn *Function) bool { return fn.Name == "action-1" }
	if n, err := s.Claim(guests, theirs); n != 1 || err != nil {
		t.Fatalf("claimed %d, %v", n, err)
	}
	if n, err := s.Claim(lambdas, nil); n != 1 || err != nil {
		t.Fatalf("claimed %d, %v", n, err)
	}
	for range 2 {
		if all, err := s.Of(lambdas).Versions("f"); err != nil || len(all) != 2 || all[1].Owner != lambdas {
			t.Errorf("%+v, %v", all, err)
		}
		if page, _ := s.Of(guests).List("", 10); len(page) != 1 || page[0].Name != "action-1" {
			t.Errorf("%+v", page)
		}
		for owner, want := range map[Owner]int{lambdas: 2, guests: 1, {}: 0} {
			if events, err := s.Of(owner).Events(); err != nil || len(events) != want {
				t.Errorf("events of %s: %v, %v", owner, events, err)
			}
		}
		if uses := s.uses[strings.Repeat("a", 64)]; uses != 3 {
			t.Errorf("the package has %d uses, want 3", uses)
		}
		s.Close()
		s = open(t, dir)
	}
}

func TestADatabaseOfANewerPlatformIsRefused(t *testing.T) {
	dir := t.TempDir()
	open(t, dir).Close()
	db, err := sqlite.Open(filepath.Join(dir, databaseFile))
	if err != nil {
		t.Fatal(err)
	}
	run(t, db, `PRAGMA user_version = 99`)
	db.Close()
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "use the platform that made it") {
		t.Errorf("%v", err)
	}
}
