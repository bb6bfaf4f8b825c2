package bench

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/lambdabench/lambdabench/analysis/summary"
)

// thresholdKeys are the keys of one threshold.
type thresholdKeys struct {
	seriesKeys `yaml:",inline"`
	Statistic  string    `yaml:"statistic"`
	Over       yaml.Node `yaml:"over"`
	AtMost     float64   `yaml:"at_most"`
	AtLeast    float64   `yaml:"at_least"`
	N          int       `yaml:"n"`
	Trials     int       `yaml:"trials"`
}

// seriesKeys select series.
type seriesKeys struct {
	Metric     string            `yaml:"metric"`
	Experiment string            `yaml:"experiment"`
	Backend    string            `yaml:"backend"`
	Runtime    string            `yaml:"runtime"`
	Path       string            `yaml:"path"`
	Labels     map[string]string `yaml:"labels"`
}

func (k seriesKeys) query() summary.Query {
	return summary.Query{Experiment: k.Experiment, Backend: k.Backend, Runtime: k.Runtime, Path: k.Path,
		Metric: k.Metric, Labels: k.Labels}
}

// ReadThresholds reads a file of thresholds. Every mistake is a *SuiteError that names file,
// line and remedy.
func ReadThresholds(path string) ([]summary.Threshold, error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read thresholds: %w", err)
	}
	s := strict{file: path, kind: "a file of thresholds", example: "configs/thresholds/example.yaml"}
	root, err := s.document(source)
	if err != nil {
		return nil, err
	}
	var top struct {
		Thresholds yaml.Node `yaml:"thresholds"`
	}
	if _, err := s.decode(root, "the file of thresholds", &top); err != nil {
		return nil, err
	}
	if top.Thresholds.Kind != yaml.SequenceNode || len(top.Thresholds.Content) == 0 {
		return nil, s.fail(root, "thresholds: want a list of at least one; see %s", s.example)
	}
	var all []summary.Threshold
	for _, n := range top.Thresholds.Content {
		t, err := s.threshold(n)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

func (s strict) threshold(n *yaml.Node) (summary.Threshold, error) {
	k := thresholdKeys{Statistic: summary.Statistics[0]}
	keys, err := s.decode(n, "a threshold", &k)
	if err != nil {
		return summary.Threshold{}, err
	}
	t := summary.Threshold{Series: k.query(), Statistic: k.Statistic, N: k.N, Trials: k.Trials}
	if keys["at_most"] != nil {
		t.AtMost = &k.AtMost
	}
	if keys["at_least"] != nil {
		t.AtLeast = &k.AtLeast
	}
	if keys["over"] != nil {
		var over seriesKeys
		overKeys, err := s.decode(&k.Over, "over", &over)
		if err != nil {
			return t, err
		}
		if len(overKeys) == 0 {
			return t, s.fail(keys["over"], "over: name what the series to divide by differs in, such as backend")
		}
		q := over.query()
		t.Over = &q
	}
	return t, s.check(checkThreshold(t), keys, n)
}

func checkThreshold(t summary.Threshold) error {
	switch {
	case t.Series.Metric == "":
		return Bad("metric", "missing; name one as in summary.json, such as latency")
	case !slices.Contains(summary.Statistics, t.Statistic):
		return Bad("statistic", "is %q, want one of %s", t.Statistic, strings.Join(summary.Statistics, ", "))
	case t.AtMost == nil && t.AtLeast == nil:
		return Bad("at_most", "missing; a threshold has at_most, at_least or both")
	case t.N < 0:
		return Bad("n", "is %d, want at least 0", t.N)
	case t.Trials < 0:
		return Bad("trials", "is %d, want at least 0", t.Trials)
	}
	return nil
}
