// Package runtimetest is for tests of backends and of what runs on them: the
// host's interpreters, packages of one file, and waiting for other processes.
//
//	in := runtimetest.Interpreter(t, isolation.Python) // skips where there is none
//	fn := runtimetest.Function(t, isolation.Python, "def handler(event, context): return event")
//
// Cases that every backend must pass are in package conformance.
package runtimetest

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// installed asks the host once: version managers' shims are slow.
var installed = sync.OnceValue(func() (found []isolation.Interpreter) {
	for _, lang := range []isolation.Language{isolation.NodeJS, isolation.Python} {
		if in, err := isolation.FindInterpreter(context.Background(), string(lang)); err == nil {
			found = append(found, in)
		}
	}
	return found
})

// Interpreters is the host's best interpreter of each language.
func Interpreters() []isolation.Interpreter { return slices.Clone(installed()) }

// Interpreter is the host's best of a language; without one the test is skipped.
func Interpreter(t testing.TB, lang isolation.Language) isolation.Interpreter {
	t.Helper()
	for _, in := range installed() {
		if in.Language == lang {
			return in
		}
	}
	t.Skipf("no interpreter for %s is installed", lang)
	return isolation.Interpreter{}
}

// FileName is where a package has the handler index.handler.
func FileName(lang isolation.Language) string {
	if lang == isolation.Python {
		return "index.py"
	}
	return "index.js"
}

// Function writes a package of one file, whose handler is index.handler.
func Function(t testing.TB, lang isolation.Language, source string) isolation.Function {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, FileName(lang)), []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	return isolation.Function{Name: "f", Handler: "index.handler", Package: dir}
}

// Invoke hands an event to a sandbox, as request "r" with 30 seconds.
func Invoke(t testing.TB, sb isolation.Sandbox, event string) isolation.Result {
	t.Helper()
	res, err := sb.Invoke(context.Background(), isolation.Invocation{
		ID: "r", Payload: []byte(event), Deadline: time.Now().Add(30 * time.Second),
	})
	if err != nil {
		t.Fatalf("invoke: %v", err)
	}
	return res
}

// Reply is what a function that ends well returns.
func Reply(t testing.TB, sb isolation.Sandbox, event string) string {
	t.Helper()
	res := Invoke(t, sb, event)
	if res.Outcome != isolation.OK {
		t.Fatalf("invoke: %s, %v", res.Outcome, res.Error)
	}
	return string(res.Payload)
}

// Eventually waits for what another goroutine or process brings about: a minute at most, for a slow machine under load
// needs many times what an idle one does.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	end, pause := time.Now().Add(time.Minute), 50*time.Microsecond
	for !holds() {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
		time.Sleep(pause)
		pause = min(2*pause, 2*time.Millisecond)
	}
}

// Child starts a command and returns the first line that it prints, by which it
// says that it serves. The command is killed with the test at the latest.
func Child(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { Kill(cmd) })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		Kill(cmd)
		errors, _ := cmd.Stderr.(fmt.Stringer) // a buffer's text
		t.Fatalf("%s says %q and no more: %v; %v", cmd, line, err, errors)
	}
	return strings.TrimSpace(line)
}

// Kill kills a command and waits for its end. A second Kill does nothing.
func Kill(cmd *exec.Cmd) {
	cmd.Process.Kill()
	cmd.Wait()
}
