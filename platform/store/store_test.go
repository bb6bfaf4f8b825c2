package store

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/platform/lambdatest"
)

func open(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// Two owners.
var (
	lambdas = Owner{"lambda", "000000000000"}
	guests  = Owner{"openwhisk", "guest"}
)

func hello(name string) Function {
	return Function{Name: name, Runtime: "nodejs20.x", Handler: "index.handler", Timeout: 3 * time.Second,
		MemoryMB: 128}
}

func TestWhatWasAcknowledgedIsThereAfterAReopen(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	code := lambdatest.Zip(t, "index.js", "one", "lib/a.js", "two")
	if _, err := s.Of(lambdas).Create(hello("f"), code); err != nil {
		t.Fatal(err)
	}
	published, err := s.Of(lambdas).Publish("f", "", "first")
	if err != nil || published.Version != "1" {
		t.Fatalf("%+v, %v", published, err)
	}
	if again, err := s.Of(lambdas).Publish("f", "", ""); err != nil || again.Version != "1" {
		t.Errorf("publishing what did not change: %+v, %v", again, err)
	}
	if _, err := s.Of(lambdas).UpdateCode("f", "", lambdatest.Zip(t, "index.js", "three")); err != nil {
		t.Fatal(err)
	}
	second, err := s.Of(lambdas).Publish("f", "", "")
	if err != nil || second.Version != "2" {
		t.Fatalf("%+v, %v", second, err)
	}
	s.Close()

	s = open(t, dir)
	for version, want := range map[string]string{"": "three", "1": "one", "2": "three"} {
		fn, err := s.Of(lambdas).Get("f", version)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(fn.Package, "index.js"))
		if err != nil || string(got) != want {
			t.Errorf("version %q: %q, %v, want %q", version, got, err, want)
		}
	}
	all, err := s.Of(lambdas).Versions("f")
	if err != nil || len(all) != 3 || all[1].Description != "first" {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestOfTwoCreatesOfOneNameOneWins(t *testing.T) {
	s := open(t, t.TempDir())
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		code := lambdatest.Zip(t, "index.js", fmt.Sprint(i%2))
		wg.Go(func() { _, errs[i] = s.Of(lambdas).Create(hello("same"), code) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, ErrExists):
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d creates won", won)
	}
}

func TestBadPackagesAreRefusedAndLeaveNothing(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	var link bytes.Buffer
	w := zip.NewWriter(&link)
	h := &zip.FileHeader{Name: "out"}
	h.SetMode(os.ModeSymlink | 0o777)
	f, _ := w.CreateHeader(h)
	f.Write([]byte("/etc/passwd"))
	w.Close()
	good := lambdatest.Zip(t, "index.js", strings.Repeat("x", 10000))
	corrupt := bytes.Clone(good)
	corrupt[45] ^= 0xff
	for name, c := range map[string]struct {
		zip  []byte
		want error
	}{
		"not a zip":          {[]byte("no zip at all"), ErrBadZip},
		"empty":              {lambdatest.Zip(t), ErrBadZip},
		"truncated":          {good[:len(good)-10], ErrBadZip},
		"corrupt":            {corrupt, ErrBadZip},
		"parent":             {lambdatest.Zip(t, "../evil.js", "x"), ErrBadZip},
		"absolute":           {lambdatest.Zip(t, "/etc/evil.js", "x"), ErrBadZip},
		"hidden parent":      {lambdatest.Zip(t, "a/../../evil.js", "x"), ErrBadZip},
		"symbolic link":      {link.Bytes(), ErrBadZip},
		"twice":              {lambdatest.Zip(t, "a.js", "x", "a.js", "y"), ErrBadZip},
		"file and directory": {lambdatest.Zip(t, "a", "x", "a/b", "y"), ErrBadZip},
		"long name":          {lambdatest.Zip(t, strings.Repeat("n", 300), "x"), ErrBadZip},
		"name with a zero":   {lambdatest.Zip(t, "a\x00b", "x"), ErrBadZip},
		"directory on file":  {lambdatest.Zip(t, "a", "x", "a/", ""), ErrBadZip},
		"bomb":               {bomb(t), ErrTooLarge},
		"larger than 50 MB":  {make([]byte, MaxZipBytes+1), ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := s.Of(lambdas).Create(hello("bad"), c.zip); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
	if _, err := s.Of(lambdas).Get("bad", ""); !errors.Is(err, ErrNotFound) {
		t.Errorf("a function was half created: %v", err)
	}
	for _, d := range []string{s.codeDir(), s.tempDir()} {
		if found, _ := os.ReadDir(d); len(found) > 0 {
			t.Errorf("left in %s: %v", d, found)
		}
	}
}

// bomb unpacks to more than the limit.
func bomb(t *testing.T) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	zeros := make([]byte, 1<<20)
	f, _ := w.Create("zeros")
	for range MaxUnpackedBytes>>20 + 1 {
		f.Write(zeros)
	}
	w.Close()
	return b.Bytes()
}

func TestAFullDiskIsAnErrorAndNothingIsHalfThere(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("a full disk needs a small tmpfs, and mount says: %v (run as root)", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	s := open(t, dir)
	if _, err := s.Of(lambdas).Create(hello("fits"), lambdatest.Zip(t, "index.js", "ok")); err != nil {
		t.Fatal(err)
	}
	noise := make([]byte, 8<<20)
	for i := range noise {
		noise[i] = byte(i * i >> 7 * 31)
	}
	_, err := s.Of(lambdas).Create(hello("large"), lambdatest.Zip(t, "index.js", string(noise)))
	if !errors.Is(err, ErrDiskFull) || !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("%v, want ErrDiskFull", err)
	}
	if _, err := s.Of(lambdas).Get("large", ""); !errors.Is(err, ErrNotFound) {
		t.Errorf("half created: %v", err)
	}
	if _, err := s.Of(lambdas).Create(hello("after"), lambdatest.Zip(t, "index.js", "ok")); err != nil {
		t.Errorf("after the failure there is room again: %v", err)
	}
	fillDisk(t, filepath.Join(dir, "filler"))
	for i := 0; err == nil || i == 0; i++ { // what the database has left over takes some
		if _, err = s.Of(lambdas).Create(hello(fmt.Sprint("full-", i)),
			lambdatest.Zip(t, "index.js", "ok")); i > 100_000 {
			t.Fatal("the disk does not become full")
		}
	}
	if !errors.Is(err, ErrDiskFull) {
		t.Errorf("a record that does not fit: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "filler")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Of(lambdas).Create(hello("room"), lambdatest.Zip(t, "index.js", "ok")); err != nil {
		t.Errorf("after room was made: %v", err)
	}
	s.Close()
	s = open(t, dir)
	if _, err := s.Of(lambdas).Get("fits", ""); err != nil {
		t.Error(err)
	}
}

// fillDisk writes a file until the disk has no room left.
func fillDisk(t *testing.T, path string) {
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 64 << 10; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
	}
}

func TestOnePlatformAtATimeHoldsADirectory(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := Open(dir); !errors.Is(err, ErrInUse) {
		t.Errorf("%v, want ErrInUse", err)
	}
	s.Close()
	open(t, dir)
}

func TestListPagesInOrder(t *testing.T) {
	s := open(t, t.TempDir())
	for _, n := range []string{"c", "a", "e", "b", "d"} {
		if _, err := s.Of(lambdas).Create(hello(n), lambdatest.Zip(t, "index.js", "x")); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for marker, more := "", true; more; more = marker != "" {
		var page []*Function
		page, marker = s.Of(lambdas).List(marker, 2)
		for _, fn := range page {
			got = append(got, fn.Name)
		}
	}
	if strings.Join(got, "") != "abcde" {
		t.Errorf("%v", got)
	}
	if err := s.Of(lambdas).Delete("c", ""); err != nil {
		t.Fatal(err)
	}
	if page, next := s.Of(lambdas).List("b", 10); len(page) != 2 || page[0].Name != "d" || next != "" {
		t.Errorf("after a delete: %v %q", page, next)
	}
}

func TestAChangeUnderAnotherRevisionIsRefused(t *testing.T) {
	s := open(t, t.TempDir())
	fn, err := s.Of(lambdas).Create(hello("f"), lambdatest.Zip(t, "index.js", "x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Of(lambdas).Update("f", fn.Revision, func(fn *Function) error {
		fn.MemoryMB = 256
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Of(lambdas).Update("f", fn.Revision, func(*Function) error {
		return nil
	}); !errors.Is(err, ErrConflict) {
		t.Errorf("%v, want ErrConflict", err)
	}
	if fn.MemoryMB != 128 {
		t.Error("a value that was handed out was changed")
	}
}

func TestPackagesGoWhenNobodyNamesThemAnyMore(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	code := lambdatest.Zip(t, "index.js", "shared")
	a, _ := s.Of(lambdas).Create(hello("a"), code)
	if _, err := s.Of(lambdas).Create(hello("b"), code); err != nil {
		t.Fatal(err)
	}
	s.Of(lambdas).Delete("a", "")
	if n, err := s.Sweep(0); n != 0 || err != nil {
		t.Errorf("swept %d, %v while b still names it", n, err)
	}
	s.Of(lambdas).Delete("b", "")
	if n, _ := s.Sweep(time.Hour); n != 0 {
		t.Error("swept before its time")
	}
	if n, err := s.Sweep(0); n != 1 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	if _, err := os.Stat(a.Package); !os.IsNotExist(err) {
		t.Errorf("the package is still there: %v", err)
	}
	// What a crash between unpacking and recording leaves is swept later, never at Open.
	os.MkdirAll(filepath.Join(s.codeDir(), "orphan", "task"), 0o755)
	os.MkdirAll(filepath.Join(s.tempDir(), "code-half"), 0o755)
	s.Close()
	s = open(t, dir)
	if _, err := os.Stat(filepath.Join(s.codeDir(), "orphan")); err != nil {
		t.Errorf("removed at the start: %v", err)
	}
	if n, err := s.Sweep(0); n != 1 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	for _, d := range []string{s.codeDir(), s.tempDir()} {
		if found, _ := os.ReadDir(d); len(found) > 0 {
			t.Errorf("left in %s: %v", d, found)
		}
	}
}

func TestAPopulationIsCreatedWholeOrNotAtAll(t *testing.T) {
	s := open(t, t.TempDir())
	all := make([]Creation, 1000)
	for i := range all {
		all[i] = Creation{hello(fmt.Sprintf("f-%05d", i)), lambdatest.Zip(t, "index.js", fmt.Sprint(i))}
	}
	if _, err := s.Of(lambdas).CreateMany(all); err != nil {
		t.Fatal(err)
	}
	fn, err := s.Of(lambdas).Get(all[999].Name, "")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(fn.Package, "index.js")); err != nil || string(got) != "999" {
		t.Errorf("%q, %v", got, err)
	}
	for name, bad := range map[string]struct {
		second Creation
		want   error
	}{
		"taken":     {all[0], ErrExists},
		"twice":     {Creation{hello("new"), all[0].Zip}, ErrExists},
		"a bad zip": {Creation{hello("other"), []byte("PK")}, ErrBadZip},
	} {
		if _, err := s.Of(lambdas).CreateMany([]Creation{{hello("new"), lambdatest.Zip(t, "index.js", "new")},
			bad.second}); !errors.Is(err, bad.want) {
			t.Errorf("%s: %v, want %v", name, err, bad.want)
		}
		if _, err := s.Of(lambdas).Get("new", ""); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: a population was created in part", name)
		}
	}
	if found, _ := os.ReadDir(s.tempDir()); len(found) > 0 {
		t.Errorf("left aside: %v", found)
	}
}

func TestAReservationIsKeptAndIsNoNewRevision(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	made, err := s.Of(lambdas).Create(hello("f"), lambdatest.Zip(t, "index.js", "x"))
	if err != nil {
		t.Fatal(err)
	}
	five := 5
	if _, err := s.Of(lambdas).Reserve("f", &five); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = open(t, dir)
	fn, err := s.Of(lambdas).Get("f", "")
	if err != nil || fn.Concurrency == nil || *fn.Concurrency != 5 || fn.Revision != made.Revision {
		t.Errorf("%+v, %v", fn, err)
	}
}

func TestEventsStayUntilTheyAreDropped(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	want := Event{ID: "1", Name: "f", Version: "2", Payload: []byte(`{"a":1}`), Accepted: time.Unix(7, 8)}
	for _, e := range []Event{{ID: "2", Name: "g", Accepted: time.Unix(9, 0)}, want, {ID: "3", Name: "gone"}} {
		if err := s.Of(lambdas).AddEvent(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Of(lambdas).DropEvent("3"); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = open(t, dir)
	all, err := s.Of(lambdas).Events()
	if err != nil || len(all) != 2 || all[0].ID != "1" || string(all[0].Payload) != `{"a":1}` ||
		!all[0].Accepted.Equal(want.Accepted) || all[1].ID != "2" {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestOtherUsersMayReadPackagesWhateverTheUmaskIs(t *testing.T) {
	old := unix.Umask(0o077)
	defer unix.Umask(old)
	s := open(t, t.TempDir())
	fn, err := s.Of(lambdas).Create(hello("f"), lambdatest.Zip(t, "index.js", "x", "a/b/c.js", "y"))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{"": 0o755, "a": 0o755, "a/b": 0o755, "index.js": 0o644,
		"a/b/c.js": 0o644} {
		if fi, err := os.Stat(filepath.Join(fn.Package, path)); err != nil || fi.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, fi.Mode(), err)
		}
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(lambdatest.Zip(f, "index.js", "x", "d/e.js", "y"))
	f.Add(lambdatest.Zip(f, "../x", "x"))
	f.Fuzz(func(t *testing.T, data []byte) {
		outer := t.TempDir()
		dir := filepath.Join(outer, "task")
		err := extract(data, dir)
		if err != nil && !errors.Is(err, ErrBadZip) && !errors.Is(err, ErrTooLarge) {
			var path *os.PathError
			if !errors.As(err, &path) { // names that the file system refuses
				t.Errorf("error without a class: %v", err)
			}
		}
		if found, _ := os.ReadDir(outer); len(found) > 1 {
			t.Errorf("unpacked outside of the directory: %v", found)
		}
	})
}
