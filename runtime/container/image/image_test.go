package image

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/rootfs"
)

var installed = sync.OnceValue(func() []isolation.Interpreter { return isolation.Interpreters(context.Background()) })

func interpreters(t *testing.T) []isolation.Interpreter {
	all := installed()
	if len(all) == 0 {
		t.Skip("no interpreter found: install Node.js 18 or later, or CPython 3.11 or later")
	}
	return all
}

func open(t *testing.T, dir string, in isolation.Interpreter) *Image {
	t.Helper()
	img, err := Open(t.Context(), dir, in, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { img.Close() })
	return img
}

func TestImageHoldsTheInterpreterAndNoUserOfTheHost(t *testing.T) {
	for _, in := range interpreters(t) {
		t.Run(in.Runtime, func(t *testing.T) {
			img := open(t, t.TempDir(), in)
			if info, err := os.Stat(filepath.Join(img.Root, in.Path)); err != nil || info.Mode()&0o111 == 0 {
				t.Errorf("the executable: %v, %v", info, err)
			}
			if b, err := os.ReadFile(filepath.Join(img.Root, "/etc/passwd")); err != nil ||
				strings.Count(string(b), "\n") != 2 {
				t.Errorf("/etc/passwd is %q, %v", b, err)
			}
			for _, path := range []string{"/etc/shadow", "/root", "/home", "/bin/sh", "/usr/bin/apt-get"} {
				if _, err := os.Lstat(filepath.Join(img.Root, path)); err == nil {
					t.Errorf("the image has %s", path)
				}
			}
			if in.Language == isolation.Python {
				if found, _ := filepath.Glob(filepath.Join(img.Root, "/usr/lib/python3*/test")); len(found) > 0 {
					t.Errorf("the image has Python's own tests: %v", found)
				}
			}
			err := filepath.WalkDir(img.Root, func(path string, d fs.DirEntry, err error) error {
				if err == nil && d.Type()&fs.ModeSymlink != 0 {
					inside, err := os.OpenRoot(img.Root)
					if err != nil {
						return err
					}
					defer inside.Close()
					leadsInside(t, inside, img.Root, path)
					return nil
				}
				if err == nil && !d.IsDir() && !d.Type().IsRegular() {
					t.Errorf("%s is neither a file, a directory nor a link", path)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// leadsInside fails the test unless the link leads to something of the image. An absolute target is one of the image's.
func leadsInside(t *testing.T, inside *os.Root, root, path string) {
	t.Helper()
	at := strings.TrimPrefix(path, root)
	for range 40 {
		target, err := inside.Readlink(strings.TrimPrefix(at, "/"))
		if err != nil {
			break
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(at), target)
		}
		at = filepath.Clean(target)
	}
	if _, err := inside.Lstat(strings.TrimPrefix(at, "/")); err != nil {
		t.Errorf("the link %s leads to %s: %v", path, at, err)
	}
}

func TestImageIsBuiltOnceAndNamedByItsContent(t *testing.T) {
	in := interpreters(t)[0]
	dir := t.TempDir()
	first := open(t, dir, in)
	before, err := os.Stat(first.Root)
	if err != nil {
		t.Fatal(err)
	}
	second := open(t, dir, in)
	after, err := os.Stat(second.Root)
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the second Open made %s, the first %s", second.Root, first.Root)
	}
}

func TestOlderImageIsRemovedWhenNobodyHoldsIt(t *testing.T) {
	in := interpreters(t)[0]
	dir := t.TempDir()
	old := filepath.Join(dir, in.Runtime+"-0000000000000000")
	if err := os.Mkdir(old, 0o755); err != nil {
		t.Fatal(err)
	}
	holder, err := holdOrBuild(old, new(rootfs.Tree))
	if err != nil {
		t.Fatal(err)
	}
	open(t, dir, in)
	if _, err := os.Stat(old); err != nil {
		t.Fatalf("an image that is in use was removed: %v", err)
	}
	holder.Close()
	open(t, dir, in)
	if _, err := os.Stat(old); err == nil {
		t.Error("an image that nobody uses is still there")
	}
}

func TestFailedBuildLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	host := filepath.Join(t.TempDir(), "missing")
	if err := os.WriteFile(host, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var tree rootfs.Tree
	if err := tree.AddHost(host); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(host); err != nil {
		t.Fatal(err)
	}
	err := build(filepath.Join(dir, "x"), &tree)
	if err == nil || !strings.Contains(err.Error(), host) {
		t.Errorf("error %v does not name the file", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestOpenOfAnExecutableThatIsGoneFails(t *testing.T) {
	in := isolation.Interpreter{Runtime: "nodejs20.x", Language: isolation.NodeJS, Path: "/nonexistent/node"}
	if _, err := Open(context.Background(), t.TempDir(), in, ""); err == nil {
		t.Error("an image of nothing was made")
	}
}
