package image

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// opened are libraries that the C library loads by name when it needs them,
// so that no executable mentions them.
var opened = []string{"libgcc_s.so.1", "libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2"}

// libraries adds what the executables and libraries in the plan need, and what
// those need in turn: ELF's DT_NEEDED and PT_INTERP, searched for as ld.so(8)
// does.
func (p *planner) libraries() error {
	search := systemLibraryDirs()
	var todo []string
	for path, e := range p.entries {
		if e.source != "" && (e.mode&0o111 != 0 || strings.Contains(filepath.Base(path), ".so")) {
			todo = append(todo, path)
		}
	}
	slices.Sort(todo)
	for class := elf.ELFCLASSNONE; len(todo) > 0; todo = todo[1:] {
		file := todo[0]
		needs, err := readNeeds(file)
		if errors.Is(err, errNotELF) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read ELF file %s: %w", file, err)
		}
		if class == elf.ELFCLASSNONE && needs.interpreter != "" { // the executable: once for all of them
			class = needs.class
			needs.libraries = append(needs.libraries, present(opened, search, class)...)
		}
		if needs.interpreter != "" {
			todo = p.library(needs.interpreter, todo)
		}
		for _, name := range needs.libraries {
			path := find(name, append(needs.dirs, search...), needs.class)
			if path == "" {
				return fmt.Errorf("%s needs %s, which is in none of the directories that ld.so searches", file, name)
			}
			todo = p.library(path, todo)
		}
	}
	return nil
}

// library adds one file and puts it on the list, unless it was seen before.
func (p *planner) library(path string, todo []string) []string {
	if _, seen := p.entries[path]; seen || p.file(path) != nil {
		return todo
	}
	return append(todo, path)
}

var errNotELF = errors.New("not an ELF file")

type needs struct {
	class       elf.Class
	interpreter string
	libraries   []string
	dirs        []string // DT_RPATH and DT_RUNPATH
}

func readNeeds(path string) (needs, error) {
	f, err := os.Open(path)
	if err != nil {
		return needs{}, err
	}
	defer f.Close()
	magic := make([]byte, len(elf.ELFMAG))
	if _, err := io.ReadFull(f, magic); err != nil || string(magic) != elf.ELFMAG {
		return needs{}, errNotELF
	}
	e, err := elf.NewFile(f)
	if err != nil {
		return needs{}, err
	}
	n := needs{class: e.Class}
	for _, prog := range e.Progs {
		if prog.Type == elf.PT_INTERP {
			b, err := io.ReadAll(prog.Open())
			if err != nil {
				return n, err
			}
			n.interpreter = strings.TrimRight(string(b), "\x00")
		}
	}
	if n.libraries, err = e.ImportedLibraries(); err != nil {
		return n, err
	}
	for _, tag := range []elf.DynTag{elf.DT_RPATH, elf.DT_RUNPATH} {
		paths, err := e.DynString(tag)
		if err != nil {
			return n, err
		}
		for _, list := range paths {
			for dir := range strings.SplitSeq(list, ":") {
				dir = strings.NewReplacer("$ORIGIN", filepath.Dir(path), "${ORIGIN}", filepath.Dir(path)).Replace(dir)
				n.dirs = append(n.dirs, filepath.Clean(dir))
			}
		}
	}
	return n, nil
}

// systemLibraryDirs are the directories of /etc/ld.so.conf and the C library's
// own.
func systemLibraryDirs() []string {
	var dirs []string
	confs, _ := filepath.Glob("/etc/ld.so.conf.d/*.conf")
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

// find returns the first library of that name and word size.
func find(name string, dirs []string, class elf.Class) string {
	for _, dir := range dirs {
		path := filepath.Join(dir, name)
		f, err := elf.Open(path)
		if err != nil {
			continue
		}
		f.Close()
		if f.Class == class {
			return path
		}
	}
	return ""
}

func present(names, dirs []string, class elf.Class) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return find(n, dirs, class) == "" })
}
