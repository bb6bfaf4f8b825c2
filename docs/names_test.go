package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	// A path, and perhaps a symbol: runtime/driver/session.go:Session.Invoke
	named = regexp.MustCompile(`^([\w.@-]+(?:/[\w.@-]+)*)/?(?::([\w.]+))?$`)

	// A source file without its directory could be any of several.
	source = regexp.MustCompile(`\.(go|c|h|S)$`)

	// An exported symbol by its package: isolation.Backend
	qualified = regexp.MustCompile(`^([a-z]\w*)\.([A-Z]\w*(?:\.\w+)?)$`)
)

func TestEveryFileAndSymbolThatAPageNamesExists(t *testing.T) {
	top := topLevel(t)
	packages := packageDirs(t)
	symbols := 0
	for page, text := range pages(t) {
		for _, word := range spans(text) {
			if m := qualified.FindStringSubmatch(word); m != nil {
				if dir, ours := packages[m[1]]; ours && !goSymbols(t, dir)[m[2]] {
					t.Errorf("%s: package %s has no %s", page, dir, m[2])
				}
				continue
			}
			m := named.FindStringSubmatch(word)
			if m == nil {
				continue
			}
			path, symbol := m[1], m[2]
			first, _, below := strings.Cut(path, "/")
			if !below && source.MatchString(path) {
				t.Errorf("%s: %s: name a source file by its path from the root", page, path)
				continue
			}
			if !top[first] || !below && symbol == "" {
				continue // no path of the repository
			}
			if _, err := os.Stat(filepath.Join(root, path)); err != nil {
				t.Errorf("%s: %v", page, err)
				continue
			}
			if symbol != "" {
				if symbols++; !symbolsOf(t, path)[symbol] {
					t.Errorf("%s: %s has no %s", page, path, symbol)
				}
			}
		}
	}
	t.Logf("%d symbols", symbols)
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestEveryLinkBetweenPagesLeadsSomewhere(t *testing.T) {
	all := pages(t)
	for page, text := range all {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			at := page
			if target != "" {
				at = filepath.Join(filepath.Dir(page), target)
			}
			if _, err := os.Stat(filepath.Join(root, at)); err != nil {
				t.Errorf("%s: %v", page, err)
			} else if anchor != "" && !anchors(all[at])[anchor] {
				t.Errorf("%s: %s has no heading #%s", page, at, anchor)
			}
		}
	}
}

var heading = regexp.MustCompile(`(?m)^#+ (.+)$`)

// anchors are the names that GitHub gives to the headings of a page.
func anchors(page string) map[string]bool {
	all := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(page, ""), -1) {
		name := strings.ToLower(regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(m[1], ""))
		all[strings.ReplaceAll(name, " ", "-")] = true
	}
	return all
}

// topLevel are the tracked directories and files of the root.
func topLevel(t *testing.T) map[string]bool {
	all := map[string]bool{}
	for _, path := range tracked(t) {
		first, _, _ := strings.Cut(path, "/")
		all[first] = true
	}
	return all
}

// packageDirs are the directories of the repository's packages by their last element. Of two with one name neither is
// there: a page that means one of them names a file.
func packageDirs(t *testing.T) map[string]string {
	all, twice := map[string]string{}, map[string]bool{}
	for _, path := range tracked(t) {
		dir, name := filepath.Dir(path), filepath.Base(filepath.Dir(path))
		if filepath.Ext(path) != ".go" {
			continue
		}
		twice[name] = twice[name] || all[name] != "" && all[name] != dir
		all[name] = dir
	}
	for name := range twice {
		if twice[name] {
			delete(all, name)
		}
	}
	return all
}

// symbolsOf are what a source file defines.
func symbolsOf(t *testing.T, path string) map[string]bool {
	t.Helper()
	if filepath.Ext(path) == ".go" {
		return goSymbols(t, path)
	}
	return textSymbols(read(t, path))
}

// What a line of C, assembler, Python or JavaScript may define.
var definitions = []*regexp.Regexp{
	regexp.MustCompile(`(?m)^[^\s/*#][^;\n]*?\b(\w+)\s*(?:\(|\[|=|$|:)`), // a function, a variable, a label
	regexp.MustCompile(`(?m)^#\s*define\s+(\w+)`),
	regexp.MustCompile(`(?m)^\s+(\w+)\s*=`), // an enumerator
	regexp.MustCompile(`(?m)^\}?\s*(?:struct|enum|def|class|function)\s+(\w+)`),
}

// textSymbols are the functions, variables, structs, macros and enumerators of a file in C, assembler, Python or
// JavaScript, as far as they begin a line.
func textSymbols(text string) map[string]bool {
	all := map[string]bool{}
	for _, re := range definitions {
		for _, m := range re.FindAllStringSubmatch(text, -1) {
			all[m[1]] = true
		}
	}
	return all
}

// goSymbols are what a Go file, or the files of a directory, define: functions, types, constants, variables. Methods
// and fields are Type.Name.
func goSymbols(t *testing.T, path string) map[string]bool {
	t.Helper()
	files := []string{filepath.Join(root, path)}
	if filepath.Ext(path) != ".go" {
		files, _ = filepath.Glob(filepath.Join(root, path, "*.go"))
	}
	all := map[string]bool{}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			addDecl(all, d)
		}
	}
	return all
}

func addDecl(all map[string]bool, d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		name := d.Name.Name
		if d.Recv != nil {
			name = receiver(d.Recv.List[0].Type) + "." + name
		}
		all[name] = true
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.ValueSpec:
				for _, n := range s.Names {
					all[n.Name] = true
				}
			case *ast.TypeSpec:
				all[s.Name.Name] = true
				addMembers(all, s)
			}
		}
	}
}

// addMembers adds the fields of a struct and the methods of an interface.
func addMembers(all map[string]bool, s *ast.TypeSpec) {
	var fields *ast.FieldList
	switch typ := s.Type.(type) {
	case *ast.StructType:
		fields = typ.Fields
	case *ast.InterfaceType:
		fields = typ.Methods
	default:
		return
	}
	for _, f := range fields.List {
		for _, n := range f.Names {
			all[s.Name.Name+"."+n.Name] = true
		}
	}
}

func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

func TestACheckOfSymbolsSeesThoseThatAreMissing(t *testing.T) {
	have := goSymbols(t, "runtime/isolation")
	for symbol, want := range map[string]bool{
		"Backend": true, "Backend.Boot": true, "Function.Account": true, "ErrClosed": true, "Usage.Source": true,
		"Backend.Reboot": false, "Bot": false,
	} {
		if have[symbol] != want {
			t.Errorf("%s: found is %v", symbol, have[symbol])
		}
	}
	c := textSymbols(`/* comment() */
#define LIMIT 3
static int first(struct file *f) {
	call(f);
}
struct file {
	int n;
};
long table[] = {
`)
	for symbol, want := range map[string]bool{
		"first": true, "LIMIT": true, "file": true, "table": true, "call": false, "comment": false,
	} {
		if c[symbol] != want {
			t.Errorf("C: %s: found is %v", symbol, c[symbol])
		}
	}
}
