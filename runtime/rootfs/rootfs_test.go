package rootfs

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

var installed = sync.OnceValue(func() []isolation.Interpreter { return isolation.Interpreters(context.Background()) })

func interpreter(t *testing.T) isolation.Interpreter {
	t.Helper()
	all := installed()
	if len(all) == 0 {
		t.Skip("no interpreter found: install Node.js 18 or later, or CPython 3.11 or later")
	}
	return all[0]
}

func write(t *testing.T, path string, perm fs.FileMode, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, perm); err != nil {
		t.Fatal(err)
	}
}

func paths(t *Tree) []string {
	var all []string
	for _, f := range t.Files() {
		all = append(all, f.Path)
	}
	return all
}

// world is a directory that every user can reach, as the host's own are.
func world(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lambdabench-rootfs-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestLinksAreKeptWithWhatTheyLeadTo(t *testing.T) {
	dir := world(t)
	write(t, dir+"/usr/lib/libx.so.1.2", 0o600, []byte("x"))
	for link, target := range map[string]string{
		"/lib": "usr/lib", "/usr/lib/libx.so.1": "libx.so.1.2", "/usr/lib/libx.so": dir + "/lib/libx.so.1",
		"/usr/lib/nowhere": "gone",
		"/loop":            "loop",
	} {
		if err := os.Symlink(target, dir+link); err != nil {
			t.Fatal(err)
		}
	}
	var tree Tree
	if err := tree.AddHost(dir + "/lib/libx.so"); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"/lib", "/usr/lib/libx.so", "/usr/lib/libx.so.1", "/usr/lib/libx.so.1.2"} {
		if !tree.Has(dir + p) {
			t.Errorf("%s is missing in %v", p, paths(&tree))
		}
	}
	if f := tree.files[dir+"/usr/lib/libx.so.1.2"]; f.Mode != 0o644 || f.Source != f.Path || f.Size != 1 {
		t.Errorf("the file became %+v", f)
	}
	if err := tree.AddHost(dir + "/loop"); !errors.Is(err, errLinks) {
		t.Errorf("a loop of links gave %v", err)
	}
	if err := tree.AddTree(dir+"/lib", nil); err != nil || tree.Has(dir+"/usr/lib/nowhere") {
		t.Errorf("a link that leads nowhere is in the tree, or %v", err)
	}
	tree.AddFile(dir+"/lib/own", 0o644, []byte("own"))
	if !tree.Has(dir+"/usr/lib/own") || tree.Has(dir+"/lib/own") {
		t.Errorf("a file below a link is not where the link leads: %v", paths(&tree))
	}
}

func TestKeyFollowsContentAndTime(t *testing.T) {
	dir := world(t)
	write(t, dir+"/f", 0o644, []byte("x"))
	key := func() string {
		var tree Tree
		if err := tree.AddHost(dir + "/f"); err != nil {
			t.Fatal(err)
		}
		return tree.Key()
	}
	before := key()
	if key() != before {
		t.Error("the same files have two keys")
	}
	if err := os.Chtimes(dir+"/f", time.Time{}, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if key() == before {
		t.Error("a file that changed does not change the key")
	}
}

func TestPrivateFilesOfTheHostStayThere(t *testing.T) {
	dir := world(t)
	write(t, dir+"/certs/ca.crt", 0o644, nil)
	write(t, dir+"/certs/host.key", 0o640, nil)
	write(t, dir+"/keys/host.key", 0o644, nil)
	if err := os.Chmod(dir+"/keys", 0o710); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../keys/host.key", dir+"/certs/link.key"); err != nil {
		t.Fatal(err)
	}
	var tree Tree
	if err := tree.addOptional(dir+"/certs", dir+"/keys", dir+"/absent"); err != nil {
		t.Fatal(err)
	}
	if !tree.Has(dir+"/certs/ca.crt") || tree.Has(dir+"/certs/host.key") ||
		tree.Has(dir+"/certs/link.key") || tree.Has(dir+"/keys") {
		t.Errorf("the tree has %v", paths(&tree))
	}
}

// program copies an ELF program of the host, with literals at its end.
func program(t *testing.T, path string, literals ...string) {
	t.Helper()
	b, err := os.ReadFile(interpreterELF(t))
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, 0o755, append(b, "\x00"+strings.Join(literals, "\x00")+"\x00"...))
}

func interpreterELF(t *testing.T) string {
	t.Helper()
	for _, p := range []string{"/bin/true", "/usr/bin/true", "/bin/sh"} {
		if isELF(p) {
			return p
		}
	}
	t.Skip("the host has no small ELF program: /bin/true or /bin/sh")
	return ""
}

func TestFilesThatTheProgramNamesAreInTheTree(t *testing.T) {
	dir := world(t)
	js, ssl := dir+"/nodejs/acorn-walk/dist/walk.js", dir+"/ssl"
	write(t, js, 0o644, []byte("'use strict'"))
	write(t, dir+"/other.js", 0o644, nil)
	write(t, ssl+"/openssl.cnf", 0o644, nil)
	write(t, ssl+"/private/key", 0o644, nil)
	program(t, dir+"/modules/legacy.so")
	program(t, dir+"/node", js, dir+"/absent.js", "x"+dir+"/other.js", `OPENSSLDIR: "`+ssl+`"`,
		`MODULESDIR: "`+dir+`/modules"`, `ENGINESDIR: "/dev/null"`)
	var tree Tree
	if err := tree.AddProgram(dir + "/node"); err != nil {
		t.Fatal(err)
	}
	if err := tree.addNamed(); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{js, ssl + "/openssl.cnf", dir + "/modules/legacy.so"} {
		if !tree.Has(p) {
			t.Errorf("%s is missing", p)
		}
	}
	for _, p := range []string{dir + "/other.js", dir + "/absent.js", ssl + "/private", "/dev/null"} {
		if tree.Has(p) {
			t.Errorf("%s is in the tree", p)
		}
	}
}

func TestLiteralsAreFoundAcrossChunks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for _, before := range []int{0, 1, chunk - 20, chunk - 8, chunk - 1, chunk, chunk + maxLiteral, 3*chunk - 5} {
		b := append(bytes.Repeat([]byte{0}, before), "/a/long/enough/name.js\x00"...)
		write(t, path, 0o644, append(b, bytes.Repeat([]byte("z"), maxLiteral)...))
		var got []string
		if err := literals(path, []string{".js\x00"}, func(s string) { got = append(got, s) }); err != nil {
			t.Fatal(err)
		}
		if got = slices.Compact(got); !slices.Equal(got, []string{"/a/long/enough/name.js"}) {
			t.Errorf("after %d bytes: %q", before, got)
		}
	}
}

func TestLibrariesAreFoundByNameAndKind(t *testing.T) {
	in := interpreter(t)
	n, err := readNeeds(in.Path)
	if err != nil || len(n.libraries) == 0 || n.interpreter == "" {
		t.Fatalf("%s needs %+v, %v", in.Path, n, err)
	}
	var tree Tree
	if got := tree.findLibrary(n.libraries[0], tree.dirs(), n.kind); got == "" {
		t.Errorf("%s is not found", n.libraries[0])
	}
	other := n.kind
	other.class ^= elf.ELFCLASS32 | elf.ELFCLASS64
	if got := tree.findLibrary(n.libraries[0], tree.dirs(), other); got != "" {
		t.Errorf("%s was taken for a library of the other word size", got)
	}
	if got := tree.findLibrary("libnowhere.so.7", tree.dirs(), n.kind); got != "" {
		t.Errorf("found %s", got)
	}
}

func TestEveryPromisedLibraryOfTheHostIsInTheTree(t *testing.T) {
	for _, in := range installed() {
		t.Run(in.Runtime, func(t *testing.T) {
			tree, err := ForInterpreter(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			n, err := readNeeds(in.Path)
			if err != nil {
				t.Fatal(err)
			}
			found := 0
			for _, name := range promised {
				p := tree.findLibrary(name, tree.dirs(), n.kind)
				if p == "" {
					continue
				}
				found++
				real, err := filepath.EvalSymlinks(p)
				if err != nil || !tree.Has(real) || tree.resolve(p) != real {
					t.Errorf("%s: %s is not in the tree (%v)", name, real, err)
				}
			}
			if found < 5 {
				t.Errorf("the host has %d of the libraries", found)
			}
		})
	}
}

func TestCacheDirFallsBackAndSaysSo(t *testing.T) {
	dir := world(t)
	write(t, dir+"/file", 0o644, nil)
	t.Setenv("XDG_CACHE_HOME", dir+"/xdg")
	t.Setenv("HOME", dir+"/home")
	t.Setenv("TMPDIR", dir)
	expect := func(want string) {
		t.Helper()
		got, err := CacheDir()
		if err != nil || !strings.HasPrefix(got, dir+want) {
			t.Errorf("images go to %s (%v), not below %s", got, err, dir+want)
		}
	}
	expect("/xdg/")
	t.Setenv("XDG_CACHE_HOME", dir+"/file/below")
	expect("/home/.cache/")
	t.Setenv("HOME", "/proc/nonexistent")
	expect("/lambdabench-")
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	expect("/lambdabench-")
	own, err := CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(own, 0o777); err != nil {
		t.Fatal(err)
	}
	if got, err := CacheDir(); err == nil || !strings.Contains(err.Error(), "set XDG_CACHE_HOME") {
		t.Errorf("a directory that others can write to was taken: %s, %v", got, err)
	}
	t.Setenv("TMPDIR", dir+"/file")
	if got, err := CacheDir(); err == nil || !strings.Contains(err.Error(), dir+"/file") {
		t.Errorf("no place at all gave %s, %v", got, err)
	}
}

func TestInterpreterThatDoesNotAnswerIsLeftAtTheCallersDeadline(t *testing.T) {
	slow := filepath.Join(t.TempDir(), "python")
	if err := os.WriteFile(slow, []byte("#!/bin/sh\nexec sleep 60\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := new(Tree).addPython(ctx, slow); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the error does not name the deadline: %v", err)
	}
}
