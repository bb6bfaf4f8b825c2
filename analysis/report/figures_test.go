package report

import (
	"testing"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// Curves of one colour that differ in the start of a cold call or in the pace of hot calls are
// told apart by their line styles; without such labels a path keeps the style that it has in
// every run.
func TestEveryVariantOfAPathHasALineStyleOfItsOwn(t *testing.T) {
	series := func(path, label, value string) *summary.Series {
		labels := map[string]string{}
		if label != "" {
			labels[label] = value
		}
		return &summary.Series{Identity: summary.Identity{Experiment: record.ExperimentDeploy, Path: path, Labels: labels}}
	}
	d := &summary.Data{Series: []*summary.Series{
		series(record.PathBoot, record.LabelStart, record.StartBoot),
		series(record.PathCold, record.LabelStart, record.StartStem),
		series(record.PathCold, record.LabelStart, record.StartStemAO),
		series(record.PathCold, record.LabelStart, record.StartSnapshot),
		series(record.PathHot, record.LabelPace, "20/s"), series(record.PathHot, record.LabelPace, "back to back"),
		series(record.PathWarm, "", ""),
	}}
	seen := map[int]string{}
	for variant, style := range pathStyles(d) {
		if other, ok := seen[style]; ok {
			t.Errorf("%q and %q have one style", variant, other)
		}
		seen[style] = variant
	}
	if len(seen) != len(d.Series) {
		t.Errorf("styles %v", seen)
	}
	plain := &summary.Data{Series: []*summary.Series{series(record.PathCold, "", ""), series(record.PathHot, "", "")}}
	if styles := pathStyles(plain); styles[record.PathHot] != 0 || styles[record.PathCold] != 2 {
		t.Errorf("styles of paths: %v", styles)
	}
}
