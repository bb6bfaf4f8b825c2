package bench

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"gopkg.in/yaml.v3"
)

// Duration is a time in a suite: "250ms", "8s", "1h30m".
type Duration time.Duration

// maxDuration bounds every time in a suite.
const maxDuration = 30 * 24 * time.Hour

// UnmarshalYAML implements yaml.Unmarshaler.
func (d *Duration) UnmarshalYAML(n *yaml.Node) error {
	v, err := time.ParseDuration(n.Value)
	if err != nil || v < 0 || n.Kind != yaml.ScalarNode {
		return fmt.Errorf("%q is not a duration; write one like 250ms, 8s or 2m", n.Value)
	}
	if v > maxDuration {
		return fmt.Errorf("%v is longer than a run can take; want at most %v", n.Value, maxDuration)
	}
	*d = Duration(v)
	return nil
}

// MarshalYAML implements yaml.Marshaler.
func (d Duration) MarshalYAML() (any, error) { return time.Duration(d).String(), nil }

// Size is a number of bytes in a suite: "512MiB", "1GB".
type Size int64

// UnmarshalYAML implements yaml.Unmarshaler.
func (s *Size) UnmarshalYAML(n *yaml.Node) error {
	v, err := humanize.ParseBytes(n.Value)
	if err != nil || n.Kind != yaml.ScalarNode || v > 1<<62 {
		return fmt.Errorf("%q is not a size; write one like 512MiB or 1GB", n.Value)
	}
	*s = Size(v)
	return nil
}

// MarshalYAML implements yaml.Marshaler.
func (s Size) MarshalYAML() (any, error) {
	return strings.ReplaceAll(humanize.IBytes(uint64(s)), " ", ""), nil
}

// Names is a list of names, or the word all.
type Names struct {
	All  bool
	List []string
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (l *Names) UnmarshalYAML(n *yaml.Node) error {
	*l = Names{}
	if n.Kind == yaml.ScalarNode {
		if n.Value == "all" {
			l.All = true
			return nil
		}
		return fmt.Errorf("%q is neither the word all nor a list like [a, b]", n.Value)
	}
	if err := n.Decode(&l.List); err != nil || len(l.List) == 0 {
		return fmt.Errorf("want the word all or a list like [a, b]")
	}
	return nil
}

// MarshalYAML implements yaml.Marshaler.
func (l Names) MarshalYAML() (any, error) {
	if l.All {
		return "all", nil
	}
	return l.List, nil
}
