package bench

import (
	"cmp"
	"fmt"
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"
)

// ownPrefix begins the keys that a suite's author may use freely, for anchors above all, as
// the extension fields of Compose files do.
const ownPrefix = "x-"

// mergeTag is the tag of the key << (YAML 1.1, type merge).
const mergeTag = "!!merge"

// mapping calls do for each key of a mapping; any other node is an error. Keys that a
// mapping takes over by << come after the mapping's own ones, which have precedence.
func (s strict) mapping(n *yaml.Node, what string, do func(key, value *yaml.Node) error) error {
	n = resolved(n)
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil // 'deploy:' with nothing behind it takes the defaults
	}
	pairs, err := s.pairs(n, what, map[*yaml.Node]bool{})
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, p := range pairs {
		if seen[p.key.Value] || strings.HasPrefix(p.key.Value, ownPrefix) {
			continue
		}
		seen[p.key.Value] = true
		if err := do(p.key, p.value); err != nil {
			return err
		}
	}
	return nil
}

type pair struct{ key, value *yaml.Node }

// pairs lists the keys of a mapping: its own, and behind them those that it merges. Each
// mapping is listed once however often it is merged, so a mapping that merges itself ends.
func (s strict) pairs(n *yaml.Node, what string, listed map[*yaml.Node]bool) ([]pair, error) {
	n = resolved(n)
	if n.Kind != yaml.MappingNode {
		return nil, s.fail(n, "%s: want keys and values", what)
	}
	if listed[n] {
		return nil, nil
	}
	listed[n] = true
	var own, merged []pair
	seen := map[string]bool{}
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if seen[key.Value] {
			return nil, s.fail(key, "key %q occurs twice in %s; remove one", key.Value, what)
		}
		seen[key.Value] = true
		if key.Tag != mergeTag {
			own = append(own, pair{key, value})
			continue
		}
		sources := []*yaml.Node{value}
		if list := resolved(value); list.Kind == yaml.SequenceNode {
			sources = list.Content
		}
		for _, source := range sources {
			more, err := s.pairs(source, "<< in "+what, listed)
			if err != nil {
				return nil, err
			}
			merged = append(merged, more...)
		}
	}
	return append(own, merged...), nil
}

// resolved is the node that an alias stands for.
func resolved(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// distinct refuses a list that holds a value twice: the second value would make the same
// trials again, which would count as further trials of the first. The values are compared
// as they were decoded, so 8s and 8000ms are one.
func (s strict) distinct(n *yaml.Node, key string, decoded any) error {
	if n.Kind != yaml.SequenceNode {
		return nil
	}
	seen := map[string]bool{}
	for i, v := range elements(decoded) {
		text := fmt.Sprintf("%#v", v)
		if at := n.Content[i]; seen[text] {
			return s.fail(at, "%s: %s occurs twice; remove one", key, cmp.Or(resolved(at).Value, "a row"))
		}
		seen[text] = true
	}
	return nil
}

// elements lists the values of a slice, or of Names, behind a pointer.
func elements(decoded any) []any {
	if names, ok := decoded.(*Names); ok {
		decoded = &names.List
	}
	v := reflect.ValueOf(decoded).Elem()
	if v.Kind() != reflect.Slice {
		return nil
	}
	all := make([]any, v.Len())
	for i := range all {
		all[i] = v.Index(i).Interface()
	}
	return all
}
