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
	"sort"
	"strings"

	"github.com/lambdabench/lambdabench/runtime"
)

// etc are the files of /etc that programs expect, as small as they can be.
// Names are asked of the nameserver, and the tender answers for it.
var etc = map[string]string{
	"/etc/passwd":        "root:x:0:0:root:/tmp:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
	"/etc/group":         "root:x:0:\nnogroup:x:65534:\n",
	"/etc/hosts":         "127.0.0.1 localhost\n::1 localhost\n",
	"/etc/hostname":      "uc\n",
	"/etc/resolv.conf":   "nameserver 10.0.2.3\n",
	"/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nnetworks: files\nservices: files\nprotocols: files\n",
}

// optional are files and trees of the host that are added where they exist.
var optional = []string{
	"/etc/ld.so.cache", "/etc/services", "/etc/protocols", "/etc/mime.types", "/etc/localtime", "/etc/timezone",
	"/etc/ssl/openssl.cnf", "/etc/ssl/certs/ca-certificates.crt", "/usr/lib/ssl/openssl.cnf", "/usr/lib/ssl/certs", "/usr/lib/ssl/cert.pem",
	"/usr/lib/locale/C.utf8", "/usr/lib/locale/C.UTF-8", "/usr/share/zoneinfo",
}

// opened are libraries that programs open at run time without naming them in
// their dynamic section: glibc for thread cancellation and names.
var opened = []string{"libgcc_s.so.1", "libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2"}

// ForInterpreter collects what a language runtime needs: the program with its
// libraries, the standard library, certificates, time zones, a minimal /etc.
func ForInterpreter(ctx context.Context, in runtime.Interpreter) (*Builder, error) {
	b := new(Builder)
	if err := b.AddProgram(in.Path); err != nil {
		return nil, err
	}
	for _, lib := range opened {
		if p, err := findLibrary(lib, libraryDirs()); err == nil {
			if err := b.AddProgram(p); err != nil {
				return nil, err
			}
		}
	}
	var err error
	switch in.Language {
	case runtime.Python:
		err = b.addPython(ctx, in)
	case runtime.NodeJS:
		// Debian's own package keeps a part of Node's library here.
		err = b.addOptional("/usr/share/nodejs/cjs-module-lexer", "/usr/share/nodejs/undici", "/usr/share/nodejs/acorn", "/usr/share/nodejs/minimatch")
	}
	if err != nil {
		return nil, fmt.Errorf("image of %s: %w", in.Runtime, err)
	}
	if err := b.addOptional(optional...); err != nil {
		return nil, fmt.Errorf("image of %s: %w", in.Runtime, err)
	}
	for p, content := range etc {
		b.AddFile(p, 0o644, []byte(content))
	}
	return b, nil
}

func (b *Builder) addOptional(paths ...string) error {
	for _, p := range paths {
		err := b.AddTree(p, func(q string) bool {
			base := filepath.Base(q)
			return p == "/usr/share/zoneinfo" && (base == "right" || base == "posix")
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// notNeeded are parts of Python's standard library that no function uses.
var notNeeded = map[string]bool{"test": true, "idlelib": true, "tkinter": true, "turtledemo": true, "lib2to3": true, "ensurepip": true,
	"site-packages": true, "dist-packages": true, "config-3": true}

func (b *Builder) addPython(ctx context.Context, in runtime.Interpreter) error {
	out, err := exec.CommandContext(ctx, in.Path, "-I", "-c",
		"import sysconfig,json,sys;p=sysconfig.get_paths();print(json.dumps([p['stdlib'],p['platstdlib'],sys.base_prefix]))").Output()
	if err != nil {
		return fmt.Errorf("ask for its library: %w", err)
	}
	var dirs []string
	if err := json.Unmarshal(out, &dirs); err != nil || len(dirs) != 3 {
		return fmt.Errorf("ask for its library: unexpected answer %q", out)
	}
	for _, dir := range dirs[:2] {
		if b.Has(filepath.Join(dir, "os.py")) {
			continue
		}
		err := b.AddTree(dir, func(q string) bool {
			return notNeeded[filepath.Base(q)] || strings.HasPrefix(filepath.Base(q), "config-")
		})
		if err != nil {
			return err
		}
	}
	modules, err := filepath.Glob(filepath.Join(dirs[1], "lib-dynload", "*.so"))
	if err != nil {
		return err
	}
	for _, m := range modules {
		if strings.Contains(filepath.Base(m), "tkinter") {
			continue
		}
		if err := b.AddProgram(m); err != nil {
			return err
		}
	}
	return nil
}

// Key names the content: the same tree of the same files gives the same key.
// Files of the host count by size, time of change and place.
func (b *Builder) Key() string {
	b.init()
	names := make([]string, 0, len(b.nodes))
	for p := range b.nodes {
		names = append(names, p)
	}
	sort.Strings(names)
	h := sha256.New()
	fmt.Fprintf(h, "image %d\n", version)
	for _, p := range names {
		n := b.nodes[p]
		fmt.Fprintf(h, "%q %o %d %d %q %q %x\n", p, n.mode, n.size, n.mtime, n.target, n.host, sha256.Sum256(n.content))
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// Cached opens the image of b in dir, which it writes first if it is not there
// or is damaged. The file is open for reading.
func Cached(dir string, b *Builder) (*os.File, error) {
	path := filepath.Join(dir, "uc-"+b.Key()+".img")
	if f, err := os.Open(path); err == nil {
		if err = Verify(f); err == nil {
			return f, nil
		}
		f.Close()
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("image cache: %w", err)
	}
	tmp, err := os.CreateTemp(dir, "uc-*.tmp")
	if err != nil {
		return nil, fmt.Errorf("image cache: %w", err)
	}
	defer os.Remove(tmp.Name())
	_, err = b.WriteTo(tmp)
	err = errors.Join(err, tmp.Chmod(0o644), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err == nil {
		prune(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("image cache: write %s: %w", path, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("image cache: %w", err)
	}
	return f, nil
}

// kept is how many images a cache holds.
const kept = 8

// prune removes the oldest images: of interpreters that were upgraded since.
// Whoever has one open keeps it.
func prune(dir string) {
	paths, err := filepath.Glob(filepath.Join(dir, "uc-*.img"))
	if err != nil || len(paths) <= kept {
		return
	}
	age := func(p string) int64 {
		st, err := os.Stat(p)
		if err != nil {
			return 0
		}
		return st.ModTime().UnixNano()
	}
	sort.Slice(paths, func(i, j int) bool { return age(paths[i]) > age(paths[j]) })
	for _, p := range paths[kept:] {
		// What cannot be removed is tried again with the next image.
		_ = os.Remove(p)
	}
}
