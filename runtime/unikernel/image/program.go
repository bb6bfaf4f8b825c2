package image

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// AddProgram adds an ELF program (or shared object) of the host with its interpreter and every library that it needs,
// found as ld.so would: DT_RUNPATH, then the directories of /etc/ld.so.conf and the defaults.
func (b *Builder) AddProgram(p string) error {
	if err := b.AddHost(p); err != nil {
		return err
	}
	return b.AddLibraries(p)
}

// AddLibraries adds what the ELF file p of the host needs, without p itself.
func (b *Builder) AddLibraries(p string) error {
	b.init()
	real, err := filepath.EvalSymlinks(p)
	if err != nil {
		return fmt.Errorf("image: add libraries: %w", err)
	}
	return b.addLibraries(real, map[string]bool{})
}

func (b *Builder) addLibraries(p string, seen map[string]bool) error {
	if seen[p] {
		return nil
	}
	seen[p] = true
	f, err := elf.Open(p)
	if err != nil {
		return fmt.Errorf("image: add program %s: %w", p, err)
	}
	defer f.Close()
	if s := f.Section(".interp"); s != nil {
		data, err := s.Data()
		if err != nil {
			return fmt.Errorf("image: add program %s: %w", p, err)
		}
		if err := b.AddHost(strings.TrimRight(string(data), "\x00")); err != nil {
			return err
		}
	}
	needed, err := f.ImportedLibraries()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return fmt.Errorf("image: add program %s: %w", p, err)
	}
	dirs := libraryDirs()
	for _, tag := range []elf.DynTag{elf.DT_RUNPATH, elf.DT_RPATH} {
		paths, _ := f.DynString(tag)
		for _, list := range paths {
			for _, d := range strings.Split(list, ":") {
				dirs = append([]string{strings.ReplaceAll(d, "$ORIGIN", filepath.Dir(p))}, dirs...)
			}
		}
	}
	for _, lib := range needed {
		found, err := findLibrary(lib, dirs)
		if err != nil {
			return fmt.Errorf("image: add program %s: %w", p, err)
		}
		if err := b.AddHost(found); err != nil {
			return err
		}
		real, err := filepath.EvalSymlinks(found)
		if err != nil {
			return fmt.Errorf("image: add program %s: %w", p, err)
		}
		if err := b.addLibraries(real, seen); err != nil {
			return err
		}
	}
	return nil
}

func findLibrary(name string, dirs []string) (string, error) {
	for _, d := range dirs {
		p := filepath.Join(d, name)
		if f, err := elf.Open(p); err == nil {
			ok := f.Machine == elf.EM_X86_64
			f.Close()
			if ok {
				return p, nil
			}
		}
	}
	return "", fmt.Errorf("library %s: %w in %s", name, fs.ErrNotExist, strings.Join(dirs, ":"))
}

func libraryDirs() []string {
	dirs := []string{"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"}
	confs, _ := filepath.Glob("/etc/ld.so.conf.d/*.conf")
	for _, c := range confs {
		data, err := os.ReadFile(c)
		if err != nil {
			continue
		}
		for _, line := range strings.Split(string(data), "\n") {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, "/") {
				dirs = append(dirs, line)
			}
		}
	}
	return dirs
}
