package runtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"
)

// Language is a family of runtimes that share one invocation driver.
type Language string

// The languages that have a driver.
const (
	NodeJS Language = "nodejs"
	Python Language = "python"
)

// Interpreter is a language runtime that is installed on the host.
type Interpreter struct {
	Runtime  string // AWS Lambda's identifier: "nodejs20.x", "python3.11"
	Language Language
	Version  string // "20.20.2"
	Path     string // the executable, symbolic links and shims resolved
}

// Interpreters finds the Node.js (from 18) and CPython (from 3.11) on the
// host, best first. It asks each candidate for its own idea of where it is.
// Version managers' shims are scripts that take long to answer, so they are only
// asked for a language of which no executable answers. A host with no
// interpreter yields an empty slice.
func Interpreters(ctx context.Context) []Interpreter {
	direct, scripts := split(candidates())
	found := askAll(ctx, direct)
	for _, lang := range []Language{NodeJS, Python} {
		if !slices.ContainsFunc(found, func(in Interpreter) bool { return in.Language == lang }) {
			found = append(found, askAll(ctx, of(lang, scripts))...)
		}
	}
	sort.SliceStable(found, func(i, j int) bool { return found[i].Language < found[j].Language })
	return found
}

// split tells executables from scripts.
func split(all []candidate) (direct, scripts []candidate) {
	for _, c := range all {
		if isScript(c.path) {
			scripts = append(scripts, c)
		} else {
			direct = append(direct, c)
		}
	}
	return direct, scripts
}

// isScript looks for the two bytes that execve(2) looks for.
func isScript(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var magic [2]byte
	_, err = io.ReadFull(f, magic[:])
	return err == nil && string(magic[:]) == "#!"
}

func of(lang Language, all []candidate) (some []candidate) {
	for _, c := range all {
		if c.lang == lang {
			some = append(some, c)
		}
	}
	return some
}

// askAll asks candidates side by side; of those that are one runtime the first
// counts.
func askAll(ctx context.Context, all []candidate) []Interpreter {
	answers := make([]Interpreter, len(all))
	var wg sync.WaitGroup
	for i, c := range all {
		wg.Go(func() {
			if in, err := ask(ctx, c); err == nil {
				answers[i] = in
			}
		})
	}
	wg.Wait()
	var found []Interpreter
	seen := map[string]bool{"": true}
	for _, in := range answers {
		if !seen[in.Runtime] {
			seen[in.Runtime] = true
			found = append(found, in)
		}
	}
	return found
}

// FindInterpreter returns the interpreter for a runtime identifier. A bare
// language ("nodejs") takes the first of that language. It asks no further
// than the one that fits.
func FindInterpreter(ctx context.Context, id string) (Interpreter, error) {
	var have []string
	for _, c := range candidates() {
		if !strings.HasPrefix(id, string(c.lang)) {
			continue
		}
		in, err := ask(ctx, c)
		if err != nil {
			continue
		}
		if in.Runtime == id || string(in.Language) == id {
			return in, nil
		}
		have = append(have, in.Runtime)
	}
	if err := ctx.Err(); err != nil {
		return Interpreter{}, fmt.Errorf("find runtime %q: %w", id, err)
	}
	if len(have) == 0 {
		have = []string{"none"}
	}
	return Interpreter{}, fmt.Errorf("runtime %q is not installed on this host (found: %s); install Node.js 18 or later, or CPython 3.11 or later",
		id, strings.Join(have, ", "))
}

type candidate struct {
	lang Language
	path string
}

// candidates prefers the distribution's executables to what the PATH has:
// their libraries are where a sandbox image expects them.
func candidates() []candidate {
	var out []candidate
	add := func(lang Language, names ...string) {
		for _, n := range names {
			if p, err := exec.LookPath(n); err == nil {
				out = append(out, candidate{lang, p})
			}
		}
	}
	add(NodeJS, "/usr/bin/node", "/usr/local/bin/node", "node", "nodejs")
	add(Python, "/usr/bin/python3", "python3.14", "python3.13", "python3.12", "python3.11", "/usr/local/bin/python3", "python3")
	return out
}

var (
	nodeVersion   = regexp.MustCompile(`^(\d+)\.\d+\.\d+`)
	pythonVersion = regexp.MustCompile(`^(3\.(\d+))\.\d+`)
)

func ask(ctx context.Context, c candidate) (Interpreter, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	args := []string{"-p", "process.version.slice(1)+'\\n'+process.execPath"}
	if c.lang == Python {
		args = []string{"-I", "-c", "import sys,platform;print(platform.python_version());print(sys.executable)"}
	}
	out, err := exec.CommandContext(ctx, c.path, args...).Output()
	if err != nil {
		return Interpreter{}, fmt.Errorf("ask %s for its version: %w", c.path, err)
	}
	version, path, ok := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if !ok {
		return Interpreter{}, errors.New("unexpected answer from " + c.path)
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return Interpreter{}, err
	}
	id, err := runtimeID(c.lang, version)
	return Interpreter{Runtime: id, Language: c.lang, Version: version, Path: path}, err
}

// runtimeID names the runtime as AWS Lambda does.
func runtimeID(lang Language, version string) (string, error) {
	switch lang {
	case NodeJS:
		if m := nodeVersion.FindStringSubmatch(version); m != nil && atLeast(m[1], 18) {
			return "nodejs" + m[1] + ".x", nil
		}
	case Python:
		if m := pythonVersion.FindStringSubmatch(version); m != nil && atLeast(m[2], 11) {
			return "python" + m[1], nil
		}
	}
	return "", fmt.Errorf("%s %s is too old or not understood", lang, version)
}

func atLeast(digits string, n int) bool {
	var v int
	_, err := fmt.Sscanf(digits, "%d", &v)
	return err == nil && v >= n
}
