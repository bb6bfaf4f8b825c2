package csrc

import (
	"debug/elf"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A place is a section of an object file: with -ffunction-sections, one function.
type place struct{ room, section string }

// A unit is what is linked into one binary.
type unit struct {
	dir        string
	sources    []string // relative to dir
	id, header string   // the macro of the binary's id, and the header that build.sh makes for the macro
	flags      []string
}

// references are the places that each place of a unit names, by the relocations of its object files.
func references(t *testing.T, u unit) map[place][]place {
	t.Helper()
	cc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("no C compiler (gcc) on this host")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, u.header), []byte("#define "+u.id+" { 0 }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	objects := map[string]*elf.File{}
	defined := map[string]place{}
	for _, source := range u.sources {
		room := strings.TrimSuffix(strings.TrimSuffix(source, ".c"), ".S")
		object := filepath.Join(dir, strings.NewReplacer("/", "_", ".", "_").Replace(room)+".o")
		cmd := exec.Command(cc, "-I.", "-I"+dir, "-O2", "-std=gnu11", "-ffreestanding", "-fno-builtin",
			"-fno-asynchronous-unwind-tables", "-ffunction-sections", "-c", "-o", object)
		cmd.Args = append(append(cmd.Args, u.flags...), filepath.Join(u.dir, source))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("compile %s: %v\n%s", source, err, out)
		}
		f, err := elf.Open(object)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		objects[room] = f
		for _, s := range symbols(t, f) {
			if elf.ST_BIND(s.Info) == elf.STB_GLOBAL && s.Section != elf.SHN_UNDEF {
				defined[s.Name] = place{room, f.Sections[s.Section].Name}
			}
		}
	}
	all := map[place][]place{}
	for room, f := range objects {
		syms := symbols(t, f)
		for _, s := range f.Sections {
			if s.Type != elf.SHT_RELA {
				continue
			}
			data, err := s.Data()
			if err != nil {
				t.Fatal(err)
			}
			from := place{room, f.Sections[s.Info].Name}
			for ; len(data) > 0; data = data[24:] { // Elf64_Rela: offset, info, addend
				sym := syms[binary.LittleEndian.Uint64(data[8:])>>32-1]
				to, ok := defined[sym.Name]
				if sym.Section != elf.SHN_UNDEF {
					to, ok = place{room, f.Sections[sym.Section].Name}, true
				}
				if ok { // the linker script defines the others
					all[from] = append(all[from], to)
				}
			}
		}
	}
	return all
}

// tenderUnit is the tender.
func tenderUnit(t *testing.T) unit {
	t.Helper()
	return unit{dir: "tender", sources: tenderRooms(t), id: "TENDER_ID", header: "tender_id.h",
		flags: []string{"-mcmodel=large", "-fno-pie"}}
}

func symbols(t *testing.T, f *elf.File) []elf.Symbol {
	t.Helper()
	s, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// tenderRooms are the sources in the order in which tender.h lists them.
func tenderRooms(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("tender/tender.h")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(text), "Rooms from the ground up.")
	list, _, _ = strings.Cut(list, "*/")
	rooms := regexp.MustCompile(`[a-z/]+\.[cS]\b`).FindAllString(list, -1)
	for i, r := range rooms {
		if strings.HasPrefix(r, "common/") {
			rooms[i] = "../" + r
		}
	}
	return rooms
}

// include names what a source or a header of a room includes.
var include = regexp.MustCompile(`(?m)^#include "([a-z/]+)\.h"`)

func TestRoomsOfTheTenderNameThoseBelowAlone(t *testing.T) {
	floor := map[string]int{}
	for i, source := range tenderRooms(t) {
		floor[strings.TrimSuffix(strings.TrimSuffix(source, ".c"), ".S")] = i
	}
	found, err := filepath.Glob("tender/*.[chS]")
	if err != nil {
		t.Fatal(err)
	}
	check := func(how, from, to string) {
		if here, ok := floor[to]; ok && from != to && here > floor[from] {
			t.Errorf("%s %s %s, which tender.h lists above it", from, how, to)
		}
	}
	for _, path := range found {
		name := filepath.Base(path)
		room := strings.TrimSuffix(name, filepath.Ext(name))
		if _, ok := floor[room]; !ok {
			if filepath.Ext(name) != ".h" {
				t.Errorf("tender.h lists no %s", name)
			}
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range include.FindAllStringSubmatch(string(text), -1) {
			check("includes", room, m[1])
		}
	}
	for from, all := range references(t, tenderUnit(t)) {
		for _, to := range all {
			check("names "+to.section+" of", from.room, to.room)
		}
	}
}

// A spare shares the data of its zygote, and reads what is marked SHARED_WITH_SPARES alone.
func TestSparesNameNoDataOfTheirZygote(t *testing.T) {
	ld, err := os.ReadFile("tender/tender.ld")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(ld), "ASSERT(SIZEOF(.unmarked) == 0") {
		t.Error("the link does not refuse data without ZYGOTE_DATA")
	}
	all := references(t, tenderUnit(t))
	entry := place{"spare", ".text.spare_main"}
	seen := map[place]bool{}
	var walk func(from place, way string)
	walk = func(from place, way string) {
		if seen[from] {
			return
		}
		seen[from] = true
		for _, to := range all[from] {
			way := way + " → " + to.room + ":" + to.section
			if to.section == ".bss.zygote" {
				t.Errorf("a spare reaches data of its zygote: %s", way)
			}
			walk(to, way)
		}
	}
	walk(entry, entry.section)
	if len(seen) < 10 || !seen[place{"patch", ".text.patch_page"}] {
		t.Errorf("the walk from %v reaches %d places: it does not see what a spare runs", entry, len(seen))
	}
	zygote := 0
	for _, places := range all {
		for _, p := range places {
			if p.section == ".bss.zygote" {
				zygote++
			}
		}
	}
	if zygote == 0 {
		t.Error("no reference to data of a zygote is seen at all")
	}
}
