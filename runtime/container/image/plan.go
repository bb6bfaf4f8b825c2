package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/runtime"
	"github.com/lambdabench/lambdabench/runtime/driver"
)

// etc is what a C library and the runtimes look for. Users of the host are
// none of the function's business.
var etc = map[string]string{
	"/etc/passwd":        "root:x:0:0:root:/tmp:/bin/false\nnobody:x:65534:65534:nobody:/:/bin/false\n",
	"/etc/group":         "root:x:0:\nnogroup:x:65534:\n",
	"/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
	"/etc/hosts":         "127.0.0.1\tlocalhost\n::1\tlocalhost\n",
	"/etc/resolv.conf":   "",
}

// optional are host files that are taken where they exist.
var optional = []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/openssl.cnf", "/etc/ld.so.cache"}

// mountPoints are directories that a container mounts over or writes to.
var mountPoints = []string{"/proc", "/dev", "/sys", "/tmp", "/var/task", "/run"}

// plan lists all that goes into the image, parents before children.
func plan(ctx context.Context, in runtime.Interpreter, init string) ([]entry, error) {
	p := &planner{entries: map[string]entry{}}
	for path, text := range etc {
		p.add(entry{path: path, mode: 0o644, text: []byte(text)})
	}
	for _, dir := range mountPoints {
		p.add(entry{path: dir, mode: fs.ModeDir | 0o755})
	}
	for _, path := range optional {
		if err := p.file(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	name, source, err := driver.Source(in.Language)
	if err != nil {
		return nil, err
	}
	p.add(entry{path: driverDir + "/" + name, mode: 0o644, text: source})
	for _, path := range []string{in.Path, init} {
		if path == "" {
			continue
		}
		if err := p.file(path); err != nil {
			return nil, err
		}
	}
	files, err := ownFiles(ctx, in)
	if err != nil {
		return nil, err
	}
	for _, path := range files {
		if err := p.tree(path); err != nil {
			return nil, err
		}
	}
	if err := p.libraries(); err != nil {
		return nil, err
	}
	return p.sorted(), nil
}

// ownFiles asks an interpreter for the files and directories that belong to it
// beside its executable.
func ownFiles(ctx context.Context, in runtime.Interpreter) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	// Distributions build Node.js with some of its JavaScript outside.
	args := []string{"-p", "JSON.stringify((process.config.variables.node_builtin_shareable_builtins||[]).filter(p => p.startsWith('/')))"}
	if in.Language == runtime.Python {
		args = []string{"-I", "-c", "import json,sys,sysconfig;print(json.dumps(sorted({sysconfig.get_path('stdlib'),sysconfig.get_path('platstdlib')})))"}
	}
	out, err := exec.CommandContext(ctx, in.Path, args...).Output()
	if err != nil {
		return nil, fmt.Errorf("ask %s for its files: %w", in.Path, err)
	}
	var files []string
	if err := json.Unmarshal(out, &files); err != nil {
		return nil, fmt.Errorf("ask %s for its files: %w", in.Path, err)
	}
	return files, nil
}

// unwanted are parts of Python's standard library that no function imports:
// its own tests, its editor and what compiling extensions takes.
func unwanted(name string) bool {
	switch name {
	case "test", "tests", "idlelib", "turtledemo", "ensurepip", "lib2to3", "tkinter", "site-packages", "dist-packages":
		return true
	}
	return strings.HasPrefix(name, "config-3.")
}

type planner struct{ entries map[string]entry }

func (p *planner) add(e entry) {
	for dir := filepath.Dir(e.path); dir != "/"; dir = filepath.Dir(dir) {
		if _, ok := p.entries[dir]; !ok {
			p.entries[dir] = entry{path: dir, mode: fs.ModeDir | 0o755}
		}
	}
	p.entries[e.path] = e
}

// file adds a file of the host, symbolic links followed.
func (p *planner) file(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	p.add(entry{path: path, mode: info.Mode().Perm()&0o755 | 0o444, source: path, size: info.Size(), changed: info.ModTime()})
	return nil
}

// tree adds a file, or a directory with all that is below it.
func (p *planner) tree(path string) error {
	return filepath.WalkDir(path, func(at string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && at != path && unwanted(d.Name()):
			return fs.SkipDir
		case d.IsDir():
			p.add(entry{path: at, mode: fs.ModeDir | 0o755})
			return nil
		}
		if err := p.file(at); d.Type()&fs.ModeSymlink == 0 {
			return err
		}
		return nil // a link that leads nowhere, or to a directory
	})
}

func (p *planner) sorted() []entry {
	all := make([]entry, 0, len(p.entries))
	for _, e := range p.entries {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b entry) int { return strings.Compare(a.path, b.path) })
	return all
}

// key names an image by what it is made of.
func key(entries []entry) string {
	h := sha256.New()
	for _, e := range entries {
		fmt.Fprintf(h, "%q %o %d %d %q\n", e.path, e.mode, e.size, e.changed.UnixNano(), e.text)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
