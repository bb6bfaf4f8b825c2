package csrc

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// libosFolders are the folders of the libOS in the order in which libos.h lists them.
func libosFolders(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("libos/base/libos.h")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(text), "Folders from the ground up.")
	list, _, _ = strings.Cut(list, "*/")
	var folders []string
	for _, m := range regexp.MustCompile(`(?m)^ \*   ([a-z]+)  `).FindAllStringSubmatch(list, -1) {
		folders = append(folders, m[1])
	}
	if len(folders) < 2 {
		t.Fatal("libos.h lists no folders")
	}
	return folders
}

// libosUnit is the libOS without start.S, which calls upwards: the processor comes in there.
func libosUnit(t *testing.T) unit {
	t.Helper()
	u := unit{dir: "libos", id: "LIBOS_ID", header: "libos_id.h",
		flags: []string{"-Ilibos", "-mgeneral-regs-only", "-fpie", "-fno-strict-aliasing"}}
	for _, folder := range libosFolders(t) {
		found, err := filepath.Glob(filepath.Join("libos", folder, "*.c"))
		if err != nil || len(found) == 0 {
			t.Fatalf("the folder %s, which libos.h lists, has no sources (%v)", folder, err)
		}
		for _, f := range found {
			u.sources = append(u.sources, strings.TrimPrefix(f, "libos/"))
		}
	}
	return u
}

func TestFoldersOfTheLibOSNameThoseBelowAlone(t *testing.T) {
	folders := libosFolders(t)
	found, err := filepath.Glob("libos/*/*.[chS]")
	if err != nil {
		t.Fatal(err)
	}
	check := func(how, from, to string) {
		here, there := slices.Index(folders, path.Dir(from)), slices.Index(folders, path.Dir(to))
		if there > here && here >= 0 {
			t.Errorf("%s %s %s, whose folder libos.h lists above", from, how, to)
		}
	}
	for _, file := range found {
		name := strings.TrimPrefix(file, "libos/")
		// The vDSO is a library of its own, for guests.
		if folder := path.Dir(name); !slices.Contains(folders, folder) && folder != "vdso" {
			t.Errorf("libos.h does not list the folder of %s", name)
		}
		if name == "base/state.h" { // the types of which the state is made
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range include.FindAllStringSubmatch(string(text), -1) {
			check("includes", name, m[1])
		}
	}
	all := references(t, libosUnit(t))
	for from, places := range all {
		for _, to := range places {
			check("names "+to.section+" of", from.room, to.room)
		}
	}
	checkCircles(t, all)
	docs, err := os.ReadFile("../../../docs/unikernel.md")
	if err != nil {
		t.Fatal(err)
	}
	if order := strings.Join(folders, ", "); !strings.Contains(string(docs), order) {
		t.Errorf("docs/unikernel.md does not name the order of the libOS's folders: %s", order)
	}
}

// checkCircles reports files that name each other, also by way of others.
func checkCircles(t *testing.T, all map[place][]place) {
	t.Helper()
	names := map[string]map[string]bool{}
	for from, places := range all {
		if names[from.room] == nil {
			names[from.room] = map[string]bool{}
		}
		for _, to := range places {
			if to.room != from.room {
				names[from.room][to.room] = true
			}
		}
	}
	if !names["fs/file"]["sched/thread"] {
		t.Error("the reference of fs/file.c to sched/thread.c is not seen")
	}
	const open, closed = 1, 2
	state := map[string]int{}
	var walk func(file string, way []string)
	walk = func(file string, way []string) {
		way = append(way, file)
		switch state[file] {
		case open:
			t.Errorf("a circle: %s", strings.Join(way[slices.Index(way, file):], " → "))
		case closed:
		default:
			state[file] = open
			for to := range names[file] {
				walk(to, way)
			}
			state[file] = closed
		}
	}
	for file := range names {
		walk(file, nil)
	}
}
