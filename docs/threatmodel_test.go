package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	// A directory and the tests in it that hold a claim: `dir`: TestOne, TestTwo.
	held = regexp.MustCompile("`([a-z0-9/]+)`:\\s+((?:(?:Test|Fuzz)\\w+,?\\s*)+)")
	// A test that no directory precedes would be checked by nobody.
	anyTest = regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w+`)
)

func TestThreatModelNamesTestsThatExist(t *testing.T) {
	text, checked := read(t, "docs/threat-model.md"), 0
	for _, m := range held.FindAllStringSubmatch(text, -1) {
		sources := testsIn(t, filepath.Join("..", m[1]))
		for _, name := range anyTest.FindAllString(m[2], -1) {
			if checked++; !strings.Contains(sources, "func "+name+"(") {
				t.Errorf("%s has no %s", m[1], name)
			}
		}
	}
	if all := len(anyTest.FindAllString(text, -1)); checked != all || all < 20 {
		t.Errorf("%d of %d tests stand behind the directory that they are in", checked, all)
	}
	if !strings.Contains(read(t, "README.md"), "(docs/threat-model.md)") {
		t.Error("README.md does not link to the threat model")
	}
}

// testsIn is the source of a directory's tests.
func testsIn(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Errorf("no tests in %s (%v)", dir, err)
	}
	var all strings.Builder
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(raw)
	}
	return all.String()
}
