package isolation

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

// Finder finds the interpreters of the host. It asks each candidate once, and
// remembers the answer; share one Finder among all who look. The zero value works.
// Its methods may be called from any number of goroutines.
type Finder struct {
	// Patience is how long a candidate may take to answer. 0: 20 s; a Node.js that
	// starts while the host is busy took 9.
	Patience time.Duration

	mu       sync.Mutex // held while candidates are asked
	answers  map[string]answer
	searched []candidate // in the order of preference; nil before the first search
}

// answer is a candidate's answer.
type answer struct {
	in  Interpreter
	err error
}

// All finds the Node.js (from 18) and CPython (from 3.11) on the host, best
// first. It asks each candidate for its own idea of where it is. Version managers'
// shims are scripts that take long to answer, so they are only asked for a
// language of which no executable answers. A host with no interpreter yields an
// empty slice, and Lacks says why.
func (f *Finder) All(ctx context.Context) []Interpreter {
	f.mu.Lock()
	defer f.mu.Unlock()
	direct, scripts := split(f.candidates())
	found := f.askAll(ctx, direct)
	for _, lang := range languages {
		if !slices.ContainsFunc(found, func(in Interpreter) bool { return in.Language == lang }) {
			found = append(found, f.askAll(ctx, of(lang, scripts))...)
		}
	}
	sort.SliceStable(found, func(i, j int) bool { return found[i].Language < found[j].Language })
	return found
}

// Lacks says for each language of which All found no interpreter why, and how to
// get one.
func (f *Finder) Lacks(ctx context.Context) []error {
	found := f.All(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	var lacks []error
	for _, lang := range languages {
		if !slices.ContainsFunc(found, func(in Interpreter) bool { return in.Language == lang }) {
			lacks = append(lacks, f.lack(lang))
		}
	}
	return lacks
}

// lack needs f.mu.
func (f *Finder) lack(lang Language) error {
	var tried []string
	for _, c := range of(lang, f.searched) {
		if a, asked := f.answers[c.path]; asked && a.err != nil {
			tried = append(tried, a.err.Error())
		}
	}
	if len(tried) == 0 {
		return fmt.Errorf("%s is not installed (%s)", needed[lang], install[lang])
	}
	return fmt.Errorf("%s is needed: found %s (%s)", needed[lang], strings.Join(tried, "; "), install[lang])
}

var (
	languages = []Language{NodeJS, Python}
	needed    = map[Language]string{NodeJS: "Node.js 18 or later", Python: "CPython 3.11 or later"}
	install   = map[Language]string{NodeJS: "apt-get install nodejs", Python: "apt-get install python3"}
)

// Interpreters is what a new Finder finds. Whoever looks more than once keeps the
// Finder.
func Interpreters(ctx context.Context) []Interpreter { return new(Finder).All(ctx) }

// FindInterpreter is Find of a new Finder.
func FindInterpreter(ctx context.Context, id string) (Interpreter, error) {
	return new(Finder).Find(ctx, id)
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
// counts. It needs f.mu.
func (f *Finder) askAll(ctx context.Context, all []candidate) []Interpreter {
	answers := make([]answer, len(all))
	var wg sync.WaitGroup
	for i, c := range all {
		if a, asked := f.answers[c.path]; asked {
			answers[i] = a
			continue
		}
		wg.Go(func() { answers[i].in, answers[i].err = f.ask(ctx, c) })
	}
	wg.Wait()
	var found []Interpreter
	seen := map[string]bool{}
	for i, a := range answers {
		f.remember(ctx, all[i], a)
		if a.err == nil && !seen[a.in.Runtime] {
			seen[a.in.Runtime] = true
			found = append(found, a.in)
		}
	}
	return found
}

// remember keeps an answer, unless it is only the end of ctx. It needs f.mu.
func (f *Finder) remember(ctx context.Context, c candidate, a answer) {
	if a.err == nil || ctx.Err() == nil {
		f.answers[c.path] = a
	}
}

// Find returns the interpreter for a runtime identifier. A bare language
// ("nodejs") takes the first of that language. It asks no further than the one
// that fits.
func (f *Finder) Find(ctx context.Context, id string) (Interpreter, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var have, failed []string
	for _, c := range f.candidates() {
		if !strings.HasPrefix(id, string(c.lang)) {
			continue
		}
		a, asked := f.answers[c.path]
		if !asked {
			a.in, a.err = f.ask(ctx, c)
			f.remember(ctx, c, a)
		}
		switch {
		case a.err != nil:
			failed = append(failed, a.err.Error())
		case a.in.Runtime == id || string(a.in.Language) == id:
			return a.in, nil
		default:
			have = append(have, a.in.Runtime)
		}
	}
	if err := ctx.Err(); err != nil {
		return Interpreter{}, fmt.Errorf("find runtime %q: %w", id, err)
	}
	all := append(have, failed...)
	if len(all) == 0 {
		all = []string{"none"}
	}
	return Interpreter{}, fmt.Errorf("runtime %q is not installed on this host (found: %s); "+
		"install Node.js 18 or later, or CPython 3.11 or later",
		id, strings.Join(all, "; "))
}

type candidate struct {
	lang Language
	path string
}

// candidates prefers the distribution's executables to what the PATH has: their
// libraries are where a sandbox image expects them. It looks once, and leaves out
// further names of one executable. It needs f.mu.
func (f *Finder) candidates() []candidate {
	if f.answers != nil {
		return f.searched
	}
	f.answers = map[string]answer{}
	seen := map[string]bool{}
	add := func(lang Language, names ...string) {
		for _, n := range names {
			p, err := exec.LookPath(n)
			if err != nil {
				continue
			}
			same := p // shims of several interpreters may be links to one script
			if target, err := filepath.EvalSymlinks(p); err == nil && !isScript(p) {
				same = target
			}
			if !seen[same] {
				seen[same] = true
				f.searched = append(f.searched, candidate{lang, p})
			}
		}
	}
	add(NodeJS, "/usr/bin/node", "/usr/local/bin/node", "node", "nodejs")
	add(Python, "/usr/bin/python3", "python3.14", "python3.13", "python3.12", "python3.11",
		"/usr/local/bin/python3", "python3")
	return f.searched
}

var (
	nodeVersion   = regexp.MustCompile(`^(\d+)\.\d+\.\d+`)
	pythonVersion = regexp.MustCompile(`^(3\.(\d+))\.\d+`)
)

// ask starts a candidate. The error is a sentence about it.
func (f *Finder) ask(ctx context.Context, c candidate) (Interpreter, error) {
	patience := f.Patience
	if patience == 0 {
		patience = 20 * time.Second
	}
	own, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	args := []string{"-p", "process.version.slice(1)+'\\n'+process.execPath"}
	if c.lang == Python {
		args = []string{"-I", "-c", "import sys,platform;print(platform.python_version());print(sys.executable)"}
	}
	cmd := exec.CommandContext(own, c.path, args...)
	cmd.WaitDelay = time.Second // for what a shim left running with its output
	out, err := cmd.Output()
	switch {
	case ctx.Err() != nil:
		return Interpreter{}, fmt.Errorf("%s, which was not waited for: %w", c.path, ctx.Err())
	case own.Err() != nil:
		return Interpreter{}, fmt.Errorf("%s, which did not answer in %v", c.path, patience)
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		return Interpreter{}, fmt.Errorf("%s, which does not run: %w%s", c.path, err, lastLine(err))
	}
	version, path, ok := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if !ok {
		return Interpreter{}, fmt.Errorf("%s, which does not say its version but %.60q", c.path, out)
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return Interpreter{}, fmt.Errorf("%s, which says that it is %s: %w", c.path, path, err)
	}
	id, err := runtimeID(c.lang, version)
	if err != nil {
		return Interpreter{}, fmt.Errorf("%s, which is %.20s: too old or not understood", c.path, version)
	}
	return Interpreter{Runtime: id, Language: c.lang, Version: version, Path: real}, nil
}

// lastLine is the last line of a failed command's output.
func lastLine(err error) string {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(exit.Stderr)), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return fmt.Sprintf(" (it says %.120q)", last)
	}
	return ""
}

var errVersion = errors.New("version is too old or not understood")

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
	return "", errVersion
}

func atLeast(digits string, n int) bool {
	var v int
	_, err := fmt.Sscanf(digits, "%d", &v)
	return err == nil && v >= n
}
