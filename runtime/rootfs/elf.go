package rootfs

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// AddProgram adds an ELF program or shared object of the host with its interpreter and every library that it needs,
// found as ld.so(8) finds them.
func (t *Tree) AddProgram(p string) error {
	if err := t.AddHost(p); err != nil {
		return err
	}
	return t.AddLibraries(p)
}

// AddLibraries adds what the ELF file p of the host needs, without p itself. The error matches fs.ErrNotExist where the
// host lacks a library.
func (t *Tree) AddLibraries(p string) error {
	real, err := filepath.EvalSymlinks(p)
	if err != nil {
		return fmt.Errorf("add libraries of %s: %w", p, err)
	}
	return t.addLibraries(real)
}

func (t *Tree) addLibraries(p string) (err error) {
	if t.linker.linked[p] {
		return nil
	}
	if t.linker.linked == nil {
		t.linker.linked = map[string]bool{}
	}
	t.linker.linked[p] = true // before its libraries: some need each other
	defer func() { t.linker.linked[p] = err == nil }()
	n, err := readNeeds(p)
	if err != nil {
		return fmt.Errorf("read the ELF file %s: %w", p, err)
	}
	if n.interpreter != "" {
		if err := t.AddHost(n.interpreter); err != nil {
			return err
		}
	}
	dirs := append(n.dirs, t.dirs()...)
	for _, name := range n.libraries {
		found := t.findLibrary(name, dirs, n.kind)
		if found == "" {
			return fmt.Errorf("%s needs %s, which is in none of the directories that ld.so searches (%s): %w",
				p, name, strings.Join(dirs, ":"), fs.ErrNotExist)
		}
		if err := t.AddHost(found); err != nil {
			return err
		}
		real, err := filepath.EvalSymlinks(found)
		if err != nil {
			return err
		}
		if err := t.addLibraries(real); err != nil {
			return err
		}
	}
	return nil
}

// kind is what a program and its libraries have in common.
type kind struct {
	class   elf.Class
	machine elf.Machine
}

// needs is what an ELF file asks of ld.so.
type needs struct {
	kind        kind
	interpreter string   // PT_INTERP
	libraries   []string // DT_NEEDED
	dirs        []string // DT_RPATH and DT_RUNPATH
}

func readNeeds(p string) (needs, error) {
	e, err := elf.Open(p)
	if err != nil {
		return needs{}, err
	}
	defer e.Close()
	n := needs{kind: kind{e.Class, e.Machine}}
	for _, prog := range e.Progs {
		if prog.Type == elf.PT_INTERP {
			b, err := io.ReadAll(prog.Open())
			if err != nil {
				return n, err
			}
			n.interpreter = strings.TrimRight(string(b), "\x00")
		}
	}
	if n.libraries, err = e.ImportedLibraries(); err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return n, err
	}
	origin := filepath.Dir(p)
	for _, tag := range []elf.DynTag{elf.DT_RPATH, elf.DT_RUNPATH} {
		paths, err := e.DynString(tag)
		if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
			return n, err
		}
		for _, list := range paths {
			for dir := range strings.SplitSeq(list, ":") {
				dir = strings.NewReplacer("$ORIGIN", origin, "${ORIGIN}", origin).Replace(dir)
				n.dirs = append(n.dirs, filepath.Clean(dir))
			}
		}
	}
	return n, nil
}

// linker is what a tree remembers of the host's libraries: many modules need the same few.
type linker struct {
	dirs   []string
	kinds  map[string]kind // by path; the zero kind is that of no library
	linked map[string]bool // ELF files whose libraries are in the tree
}

// dirs are the directories of ld.so.conf(5) and the C library's own.
func (t *Tree) dirs() []string {
	if t.linker.dirs == nil {
		t.linker.dirs = libraryDirs()
	}
	return t.linker.dirs
}

func libraryDirs() []string {
	var dirs []string
	confs, _ := filepath.Glob("/etc/ld.so.conf.d/*.conf") // fails for a bad pattern alone
	for _, conf := range append(confs, "/etc/ld.so.conf") {
		b, err := os.ReadFile(conf)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, "/") {
				dirs = append(dirs, line)
			}
		}
	}
	multiarch, _ := filepath.Glob("/lib/*-linux-gnu")
	return append(append(dirs, multiarch...), "/lib64", "/usr/lib64", "/lib", "/usr/lib")
}

// findLibrary returns the first library of that name and kind; empty where no directory has it.
func (t *Tree) findLibrary(name string, dirs []string, k kind) string {
	for _, dir := range dirs {
		if p := filepath.Join(dir, name); t.kindOf(p) == k {
			return p
		}
	}
	return ""
}

func (t *Tree) kindOf(p string) kind {
	k, known := t.linker.kinds[p]
	if known {
		return k
	}
	if f, err := elf.Open(p); err == nil {
		k = kind{f.Class, f.Machine}
		f.Close()
	}
	if t.linker.kinds == nil {
		t.linker.kinds = map[string]kind{}
	}
	t.linker.kinds[p] = k
	return k
}
