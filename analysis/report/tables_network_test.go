package report

import (
	"slices"
	"testing"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/record/recordtest"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

func TestANetworkIsComparedWithTheSameBackendWithoutOne(t *testing.T) {
	g := recordtest.New(t, 1, 1)
	for _, c := range []struct {
		backend, network string
		ms, rate         float64
	}{{"process", "host", 1, 100}, {"container/runc", "none", 10, 40}, {"container/runc", "bridge", 20, 10}} {
		g.Trial(record.ExperimentNetwork, c.backend, "nodejs20.x", record.ViaSandbox,
			map[string]string{record.LabelNetwork: c.network},
			func(put func(record.Invocation), measure func(record.Measurement)) {
				for range 100 {
					put(record.Invocation{Path: record.PathBoot, Latency: int64(c.ms * 1e6), Outcome: record.OutcomeOK})
				}
				put(record.Invocation{Path: record.PathBoot, Latency: int64(90 * c.ms * 1e6), Outcome: record.OutcomeOK,
					Labels: map[string]string{record.LabelLoad: record.LoadClosed}})
				put(record.Invocation{Path: record.PathBoot, Latency: 1, Outcome: "refused", Error: "full",
					Labels: map[string]string{record.LabelLoad: record.LoadClosed}})
				measure(record.Measurement{Metric: record.MetricCreationRate, Unit: record.UnitRate, Value: c.rate})
			})
	}
	s, _, err := summary.Read(g.Dir, "")
	if err != nil {
		t.Fatal(err)
	}
	table := networkTable(s)
	at := func(column string) int {
		i := slices.IndexFunc(table.Columns, func(c Column) bool { return c.Name == column })
		if i < 0 {
			t.Fatalf("no column %q", column)
		}
		return i
	}
	got := map[string][]string{}
	for _, r := range table.Rows {
		key := r.Cells[at("backend")] + " " + r.Cells[at("network")]
		for _, c := range []string{"latency gain over none", "rate gain over none", "errors"} {
			got[key] = append(got[key], r.Cells[at(c)])
		}
	}
	for key, want := range map[string][]string{
		"process host":          {none, none, "1"},
		"container/runc none":   {"1x", "1x", "1"},
		"container/runc bridge": {"0.5x", "0.25x", "1"},
	} {
		if !slices.Equal(got[key], want) {
			t.Errorf("%s: %q, want %q", key, got[key], want)
		}
	}
	if len(table.Rows) != 3 {
		t.Errorf("%d rows: those of several sandboxes at a time are no row", len(table.Rows))
	}
}
