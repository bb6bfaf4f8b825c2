package fidelity

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// NodeJS is the part test/parallel of Node.js 20's suite: dir is its directory
// test, which must not lie below /tmp.
func NodeJS(ctx context.Context, dir string) (*Suite, error) {
	in, err := interpreter(ctx, "nodejs20.x")
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "parallel", "test-*js"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("%s has no parallel/test-*.js: it is not the directory test of Node.js's source", dir)
	}
	s := &Suite{Name: "node", Deadline: 3 * time.Minute, interpreter: in}
	for _, f := range files {
		s.Units = append(s.Units, filepath.Base(f))
	}
	for _, part := range []string{"common", "fixtures", "parallel"} {
		s.trees = append(s.trees, filepath.Join(dir, part))
	}
	s.forks = func(unit string) bool { return spawns(dir, filepath.Join(dir, "parallel", unit)) }
	s.argv = func(unit string, _ int) []string {
		path := filepath.Join(dir, "parallel", unit)
		argv := []string{in.Path, "--disable-wasm-trap-handler"}
		return append(append(argv, flags(path)...), path)
	}
	return s, nil
}

var (
	flagsLine = regexp.MustCompile(`(?m)^// Flags:(.*)$`)
	// Besides the modules: helpers of common/index.js that spawn, the runner of node:test, which spawns for each file,
	// and the options of a debugger, which is another process.
	processes = regexp.MustCompile(`child_process|\bcluster\b|\bfork\(|\bspawn(Sync|Promisified)?\(|` +
		`childShouldThrowAndAbort|--inspect|` +
		`import \{[^}]*\brun\b[^}]*\} from 'node:test'|\brun\b[^;]*require\('(node:)?test'\)`)
	helper = regexp.MustCompile(`(?:require\(|from )['"](?:\.\./)+common/([\w/-]+)(?:\.m?js)?['"]`)
)

// flags are the options that a test's first lines ask for.
func flags(path string) []string {
	src, err := os.ReadFile(path)
	if err != nil {
		return nil // the run will say so
	}
	var all []string
	for _, m := range flagsLine.FindAllSubmatch(src, -1) {
		all = append(all, strings.Fields(string(m[1]))...)
	}
	return all
}

// spawns tells by the source alone whether a test makes processes: its own, or
// that of a helper which it requires.
func spawns(dir, path string) bool {
	src, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	if processes.Match(src) {
		return true
	}
	for _, m := range helper.FindAllSubmatch(src, -1) {
		if name := string(m[1]); name != "index" {
			h, err := os.ReadFile(filepath.Join(dir, "common", name+".js"))
			if err == nil && processes.Match(h) {
				return true
			}
		}
	}
	return false
}
