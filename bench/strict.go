package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// strict decodes YAML mappings into structs key by key. yaml.v3's KnownFields
// works on whole documents only and names Go types, not remedies.
type strict struct {
	file    string
	kind    string // of the file: "a suite"
	example string // a file of that kind
}

func (s strict) fail(n *yaml.Node, format string, args ...any) error {
	return &SuiteError{File: s.file, Line: n.Line, Column: n.Column, Message: fmt.Sprintf(format, args...)}
}

var yamlLine = regexp.MustCompile(`line (\d+): (.*)`)

// syntax turns an error of the YAML decoder into one at a place in the suite.
func (s strict) syntax(err error) error {
	if errors.Is(err, io.EOF) {
		return &SuiteError{File: s.file, Line: 1, Column: 1,
			Message: fmt.Sprintf("the file is empty; see %s for %s", s.example, s.kind)}
	}
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		line, _ := strconv.Atoi(m[1])
		return &SuiteError{File: s.file, Line: line, Column: 1, Message: "not YAML: " + m[2]}
	}
	return &SuiteError{File: s.file, Line: 1, Column: 1, Message: err.Error()}
}

// document returns the top node of a file that holds one YAML document.
func (s strict) document(source []byte) (*yaml.Node, error) {
	var doc, second yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(source))
	if err := d.Decode(&doc); err != nil {
		return nil, s.syntax(err)
	}
	if len(doc.Content) == 0 {
		return nil, s.syntax(io.EOF)
	}
	switch err := d.Decode(&second); {
	case err == nil:
		return nil, s.fail(&second, "a second YAML document begins here; %s is one document, so remove '---' or "+
			"make two files", s.kind)
	case !errors.Is(err, io.EOF):
		return nil, s.syntax(err)
	}
	return doc.Content[0], nil
}

// decode fills the fields of structs, given by pointers, from a mapping, and returns the
// nodes of the keys. The text what names the mapping in messages. The key of a field is its
// yaml tag; fields of embedded structs count as the struct's own. A field without a key
// keeps its value.
func (s strict) decode(n *yaml.Node, what string, into ...any) (map[string]*yaml.Node, error) {
	fields := map[string]reflect.Value{}
	for _, p := range into {
		collect(reflect.ValueOf(p).Elem(), fields)
	}
	keys := map[string]*yaml.Node{}
	return keys, s.mapping(n, what, func(key, value *yaml.Node) error {
		f, ok := fields[key.Value]
		if !ok {
			return s.fail(key, "unknown key %q in %s; known keys: %s", key.Value, what,
				strings.Join(sortedKeys(fields), ", "))
		}
		keys[key.Value] = key
		return s.value(value, key.Value, f.Addr().Interface())
	})
}

func (s strict) value(n *yaml.Node, key string, into any) error {
	n = resolved(n)
	_, node := into.(*yaml.Node)
	_, own := into.(yaml.Unmarshaler)
	if reflect.TypeOf(into).Elem().Kind() == reflect.Struct && !own && !node {
		_, err := s.decode(n, key, into)
		return err
	}
	err := n.Decode(into)
	if err == nil {
		return s.distinct(n, key, into)
	}
	var te *yaml.TypeError
	if errors.As(err, &te) {
		kind := reflect.TypeOf(into).Elem()
		return s.fail(n, "%s: %q is not %s", key, n.Value, article(kind))
	}
	return s.fail(n, "%s: %v", key, err)
}

// check turns a *BadValue into an error at the key's place.
func (s strict) check(err error, keys map[string]*yaml.Node, what *yaml.Node) error {
	var bad *BadValue
	if !errors.As(err, &bad) {
		return err
	}
	at, ok := keys[bad.Key]
	if !ok {
		at = what
	}
	return s.fail(at, "%v", bad)
}

func collect(v reflect.Value, fields map[string]reflect.Value) {
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		tag, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case f.Anonymous && f.Type.Kind() == reflect.Struct:
			collect(v.Field(i), fields)
		case f.Anonymous && f.Type.Kind() == reflect.Pointer:
			collect(v.Field(i).Elem(), fields)
		case tag != "" && tag != "-":
			fields[tag] = v.Field(i)
		}
	}
}

func article(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list like [a, b] of " + strings.TrimPrefix(article(t.Elem()), "a ") + "s"
	case reflect.Map:
		return "a list of keys and values"
	}
	return "a " + t.Kind().String()
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
