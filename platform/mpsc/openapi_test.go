package mpsc

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"
)

// document is what the tests read of openapi.yaml.
type document struct {
	Paths map[string]map[string]struct {
		Parameters []parameter `yaml:"parameters"`
		Body       struct {
			Content map[string]struct {
				Schema shape `yaml:"schema"`
			} `yaml:"content"`
		} `yaml:"requestBody"`
		Responses map[string]response `yaml:"responses"`
	} `yaml:"paths"`
	Components struct {
		Parameters map[string]parameter `yaml:"parameters"`
		Headers    map[string]any       `yaml:"headers"`
		Responses  map[string]response  `yaml:"responses"`
		Schemas    map[string]shape     `yaml:"schemas"`
	} `yaml:"components"`
}

type parameter struct {
	Ref    string `yaml:"$ref"`
	Name   string `yaml:"name"`
	In     string `yaml:"in"`
	Schema shape  `yaml:"schema"`
}

type response struct {
	Ref     string `yaml:"$ref"`
	Content map[string]struct {
		Schema shape `yaml:"schema"`
	} `yaml:"content"`
}

type shape struct {
	Ref        string           `yaml:"$ref"`
	Type       string           `yaml:"type"`
	Format     string           `yaml:"format"`
	Pattern    string           `yaml:"pattern"`
	MaxLength  int              `yaml:"maxLength"`
	Enum       []string         `yaml:"enum"`
	Required   []string         `yaml:"required"`
	Items      *shape           `yaml:"items"`
	Properties map[string]shape `yaml:"properties"`
}

func readDocument(t *testing.T) (d document) {
	t.Helper()
	if err := yaml.Unmarshal(openAPI, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// same reports what only one side has.
func same(t *testing.T, what string, documented, real []string) {
	t.Helper()
	slices.Sort(documented)
	slices.Sort(real)
	if !slices.Equal(documented, real) {
		t.Errorf("%s: openapi.yaml has %v, the code %v", what, documented, real)
	}
}

func TestOpenAPIHasEveryRouteAndItsParameters(t *testing.T) {
	d := readDocument(t)
	inPath := regexp.MustCompile(`\{(\w+)\}`)
	var documented, query []string
	for path, methods := range d.Paths {
		for method, op := range methods {
			documented = append(documented, strings.ToUpper(method)+" "+path)
			var named []string
			for _, p := range op.Parameters {
				if ref, ok := strings.CutPrefix(p.Ref, "#/components/parameters/"); ok {
					p = d.Components.Parameters[ref]
				}
				if p.In == "query" {
					query = append(query, p.Name)
				} else {
					named = append(named, p.Name)
				}
			}
			var want []string
			for _, m := range inPath.FindAllStringSubmatch(path, -1) {
				want = append(want, m[1])
			}
			same(t, method+" "+path+": parameters in the path", named, want)
		}
	}
	same(t, "routes", documented, slices.Collect(maps.Keys(new(Controller).routes())))

	source, err := os.ReadFile("api.go")
	if err != nil {
		t.Fatal(err)
	}
	all := func(pattern string) (found []string) {
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(source), -1) {
			found = append(found, m[1])
		}
		return found
	}
	same(t, "parameters of queries", query, all(`Query\(\)\.Get\("(\w+)"\)`))
	same(t, "headers", slices.Collect(maps.Keys(d.Components.Headers)), all(`Header\(\)\.Set\("(X-[\w-]+)"`))
}

func TestOpenAPIHasEveryFieldOfTheBodies(t *testing.T) {
	d := readDocument(t)
	bodies := map[string]any{"Metrics": Metrics{}, "Test": Test{}, "Recommendation": Recommendation{},
		"Schedules": scheduleList{}, "Added": addedSchedule{}, "Used": usedSchedule{}, "Failure": failure{}}
	var objects []string
	for name, s := range d.Components.Schemas {
		if s.Type == "object" {
			objects = append(objects, name)
		}
	}
	same(t, "bodies", objects, slices.Collect(maps.Keys(bodies)))
	for name, body := range bodies {
		s, typ := d.Components.Schemas[name], reflect.TypeOf(body)
		var fields, required []string
		for i := range typ.NumField() {
			tag, option, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			fields = append(fields, tag)
			if option != "omitempty" {
				required = append(required, tag)
			}
			if got, want := s.Properties[tag].kind(), kindOf(typ.Field(i).Type); got != want {
				t.Errorf("%s.%s: openapi.yaml says %s, the code %s", name, tag, got, want)
			}
		}
		same(t, name, slices.Collect(maps.Keys(s.Properties)), fields)
		same(t, name+", required", s.Required, required)
	}
	python, err := scheduleFiles.ReadFile("schedules/mpsc.py")
	if err != nil {
		t.Fatal(err)
	}
	var attributes []string
	for _, m := range regexp.MustCompile(`= metrics(?:\[|\.get\()"(\w+)"`).FindAllSubmatch(python, -1) {
		attributes = append(attributes, string(m[1]))
	}
	same(t, "what schedules see", slices.Collect(maps.Keys(d.Components.Schemas["Metrics"].Properties)), attributes)
}

// kind is a type as kindOf has it.
func (s shape) kind() string {
	if s.Items != nil {
		return s.Type + " of " + s.Items.kind()
	}
	return strings.TrimSpace(s.Type + " " + s.Format)
}

func kindOf(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "string date-time"
	case t.Kind() == reflect.Slice:
		return "array of " + kindOf(t.Elem())
	case t.Kind() == reflect.Float64:
		return "number"
	case t.Kind() == reflect.Int, t.Kind() == reflect.Int64:
		return "integer"
	}
	return t.Kind().String()
}

func TestOpenAPIHasEveryClassScheduleAndBound(t *testing.T) {
	d := readDocument(t)
	same(t, "classes", d.Components.Schemas["Test"].Properties["class"].Enum, classes(t))
	same(t, "built-in schedules", d.Components.Schemas["BuiltIn"].Enum, slices.Collect(maps.Keys(builtin(Config{}, 0))))
	if p := d.Components.Parameters["name"].Schema.Pattern; p != providerName.String() {
		t.Errorf("names: openapi.yaml has %s, the code %s", p, providerName)
	}
	if n := d.Paths["/schedules/{name}"]["put"].Body.Content["text/x-python"].Schema.MaxLength; n != maxSchedule {
		t.Errorf("a schedule's length: openapi.yaml has %d, the code %d", n, maxSchedule)
	}
}

// classes are the constants of type Class, from the source.
func classes(t *testing.T) (all []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "executor.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if id, ok := v.Type.(*ast.Ident); ok && id.Name == "Class" {
			s, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, s)
		}
		return false
	})
	return all
}

func TestOpenAPIRefersToWhatThereIs(t *testing.T) {
	var root map[string]any
	if err := yaml.Unmarshal(openAPI, &root); err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`\$ref: '#/([^']+)'`).FindAllSubmatch(openAPI, -1) {
		var at any = root
		for key := range strings.SplitSeq(string(m[1]), "/") {
			inner, _ := at.(map[string]any)
			at = inner[key]
		}
		if at == nil {
			t.Errorf("#/%s: there is none", m[1])
		}
	}
}
