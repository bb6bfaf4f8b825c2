// Command testgate reads the stream of `go test -json` on standard input,
// prints it as `go test` would, and holds it to one more rule: a backend that
// works on this host must have had at least one test that ran. A suite in
// which every test of a backend was skipped is green and proves nothing.
//
//	go test -json ./... | go run ./cmd/testgate
//
// It exits 1 when a test or a build failed, or when the rule is broken.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/runtime/backends"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

func main() {
	tally, err := read(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testgate:", err)
		os.Exit(1)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	unproven := false
	interpreters := isolation.Interpreters(ctx) // without any, no test of a backend can run
	for _, b := range backends.All(backends.Config{}) {
		works := len(interpreters) > 0 && b.Probe(ctx) == nil
		b.Close()
		if works && tally.ran(b.Name()) == 0 {
			fmt.Printf("FAIL: backend %s works on this host, but every one of its tests was skipped\n", b.Name())
			unproven = true
		}
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", tally.passed, tally.failed, tally.skipped)
	if tally.failed > 0 || tally.broken || unproven {
		os.Exit(1)
	}
}

// event is a line of `go test -json` (go doc test2json).
type event struct {
	Action, Package, Test, Output string
}

// tally is what a test run came to.
type tally struct {
	passed, failed, skipped int
	broken                  bool           // a package failed without a failing test: build, panic, time-out
	proven                  map[string]int // passed tests by what their package or name says of the backend
}

// ran counts the passed tests of a backend. The tests of a backend with
// variants ("container/runc") name the variant in a subtest.
func (t tally) ran(backend string) int { return t.proven[backend] }

// read prints the stream and counts. The output of a test that passed is
// dropped, that of a skipped or failed one is shown.
func read(r io.Reader, w io.Writer) (tally, error) {
	t := tally{proven: map[string]int{}}
	output := map[string][]string{}
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) == nil {
				t.count(e, output, w)
			} else if _, err := w.Write(line); err != nil { // a build error comes as plain text
				return t, fmt.Errorf("print test events: %w", err)
			}
		}
		if err == io.EOF {
			return t, nil
		}
		if err != nil {
			return t, fmt.Errorf("read test events: %w", err)
		}
	}
}

func (t *tally) count(e event, output map[string][]string, w io.Writer) {
	key := e.Package + "\x00" + e.Test
	switch e.Action {
	case "output", "build-output":
		if e.Test == "" {
			fmt.Fprint(w, e.Output)
		} else {
			output[key] = append(output[key], e.Output)
		}
	case "pass":
		if e.Test != "" {
			t.passed++
			for _, b := range backendsOf(e.Package, e.Test) {
				t.proven[b]++
			}
		}
	case "skip":
		if e.Test != "" {
			t.skipped++
			fmt.Fprint(w, strings.Join(output[key], ""))
		}
	case "fail", "build-fail":
		if e.Test == "" {
			t.broken = true
			unended(e.Package, output, w)
		} else {
			t.failed++
			fmt.Fprint(w, strings.Join(output[key], ""))
		}
	}
	if e.Action == "pass" || e.Action == "skip" || e.Action == "fail" {
		delete(output, key)
	}
}

// unended prints what the tests of a package said that has ended before them: a
// test that hangs until the time-out or exits has no event of its own.
func unended(pkg string, output map[string][]string, w io.Writer) {
	for _, key := range slices.Sorted(maps.Keys(output)) {
		if strings.HasPrefix(key, pkg+"\x00") {
			fmt.Fprint(w, strings.Join(output[key], ""))
			delete(output, key)
		}
	}
}

// backendsOf names the backends that a passed test speaks for: that of its
// package under runtime/, and with a variant each one that a part of the test's
// name carries.
func backendsOf(pkg, test string) []string {
	_, rest, ok := strings.Cut(pkg, "/runtime/")
	if !ok {
		return nil
	}
	name, _, _ := strings.Cut(rest, "/")
	names := []string{name}
	for _, part := range strings.Split(test, "/")[1:] {
		names = append(names, name+"/"+part)
	}
	return names
}
