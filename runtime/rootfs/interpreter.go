package rootfs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// patience bounds the one question that an interpreter is asked where the caller
// sets no deadline.
const patience = 10 * time.Second

// ForInterpreter plans what a language runtime and its functions need: the program with its libraries, its standard
// library, the libraries that packages may rely on, certificates, time zones, a minimal /etc.
func ForInterpreter(ctx context.Context, in isolation.Interpreter) (*Tree, error) {
	t := new(Tree)
	err := t.AddProgram(in.Path)
	if err == nil && in.Language == isolation.Python {
		err = t.addPython(ctx, in.Path)
	}
	if err == nil {
		err = t.addNamed()
	}
	if err == nil {
		err = t.addBase(in.Path)
	}
	if err != nil {
		return nil, fmt.Errorf("list the files of %s: %w", in.Runtime, err)
	}
	return t, nil
}

// Node.js as distributions build it keeps a part of its own JavaScript outside; the paths are literals of the program
// or of libnode. A libcrypto names its directories in literals: 'OPENSSLDIR: "/usr/lib/ssl"'.
var (
	marks      = []string{".js\x00", ".mjs\x00", ".cjs\x00", `OPENSSLDIR: "`, `ENGINESDIR: "`, `MODULESDIR: "`}
	opensslDir = regexp.MustCompile(`^([A-Z]+)DIR: "(/[^"]*)"$`)
)

// addNamed adds the files that the program and its libraries name in their literals. It must come before other
// libraries are added.
func (t *Tree) addNamed() error {
	named := map[string]bool{}
	var scripts, configs, modules []string
	for _, f := range t.Files() {
		if f.Source == "" || f.Mode&0o111 == 0 && !sharedObject(path.Base(f.Path)) || !isELF(f.Source) {
			continue
		}
		err := literals(f.Source, marks, func(literal string) {
			if named[literal] {
				return
			}
			named[literal] = true
			m := opensslDir.FindStringSubmatch(literal)
			switch {
			case m == nil && path.IsAbs(literal) && path.Clean(literal) == literal:
				scripts = append(scripts, literal)
			case m != nil && m[1] == "OPENSSL":
				configs = append(configs, m[2]+"/openssl.cnf", m[2]+"/certs", m[2]+"/cert.pem")
			case m != nil:
				modules = append(modules, m[2])
			}
		})
		if err != nil {
			return err
		}
	}
	for _, p := range scripts {
		if st, err := os.Stat(p); err != nil || !st.Mode().IsRegular() {
			continue
		}
		if err := t.AddHost(p); err != nil {
			return err
		}
	}
	for _, dir := range modules {
		if st, err := os.Stat(dir); err != nil || !st.IsDir() {
			continue // /dev/null stands for none
		}
		if err := t.addModules(dir); err != nil {
			return err
		}
	}
	return t.addOptional(configs...)
}

func isELF(p string) bool {
	f, err := os.Open(p)
	if err != nil {
		return false
	}
	defer f.Close()
	magic := make([]byte, 4)
	_, err = f.Read(magic)
	return err == nil && string(magic) == "\x7fELF"
}

// unwanted are parts of Python's standard library that no function imports: its tests, its editor, its windows, what
// compiling extensions takes, and the packages of the host.
var unwanted = map[string]bool{
	"test": true, "tests": true, "idlelib": true, "tkinter": true, "turtledemo": true, "ensurepip": true,
	"site-packages": true, "dist-packages": true,
}

func (t *Tree) addPython(ctx context.Context, program string) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	out, err := exec.CommandContext(ctx, program, "-I", "-c",
		"import sysconfig,json;print(json.dumps([sysconfig.get_path('stdlib'),"+
			"sysconfig.get_path('platstdlib')]))").Output()
	if err != nil {
		return fmt.Errorf("ask %s for its standard library: %w", program, errors.Join(ctx.Err(), err))
	}
	var dirs []string
	if err := json.Unmarshal(out, &dirs); err != nil || len(dirs) != 2 {
		return fmt.Errorf("ask %s for its standard library: unexpected answer %q", program, out)
	}
	for _, dir := range dirs {
		var modules []string
		err := t.AddTree(dir, func(p string, d fs.DirEntry) bool {
			name := d.Name()
			if d.IsDir() && (unwanted[name] || strings.HasPrefix(name, "config-")) ||
				strings.HasPrefix(name, "_tkinter.") {
				return true
			}
			if sharedObject(name) {
				modules = append(modules, p)
			}
			return false
		})
		if err != nil {
			return err
		}
		for _, m := range modules {
			if err := t.addModule(m); err != nil {
				return err
			}
		}
	}
	return nil
}
