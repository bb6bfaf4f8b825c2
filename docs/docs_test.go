// Package docs_test checks that the documentation names what is there: files, Go and C symbols, tests, links.
//
// A page names a file by its path from the root of the repository, and a symbol of it behind a colon:
//
//	`runtime/driver/session.go:Session.Invoke`
package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root is the repository.
const root = ".."

// pages are the documents that are checked, by their path from the root.
func pages(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob("*.md")
	if err != nil || len(names) < 3 {
		t.Fatalf("%d pages in docs (%v)", len(names), err)
	}
	all := map[string]string{"README.md": read(t, "README.md")}
	for _, name := range names {
		all["docs/"+name] = read(t, "docs/"+name)
	}
	return all
}

// read is a file of the repository.
func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// tracked are the files of the repository that Git knows.
func tracked(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("git", "-C", root, "ls-files").Output()
	if err != nil {
		t.Skipf("this is no Git checkout: git ls-files: %v", err)
	}
	return strings.Fields(string(out))
}

var (
	fence = regexp.MustCompile("(?ms)^```.*?^```$")
	span  = regexp.MustCompile("`([^`\n]+)`")
)

// spans are the words in code style of a page, without its code blocks.
func spans(page string) (all []string) {
	for _, m := range span.FindAllStringSubmatch(fence.ReplaceAllString(page, ""), -1) {
		all = append(all, m[1])
	}
	return all
}
