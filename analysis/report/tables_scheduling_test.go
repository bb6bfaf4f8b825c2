package report

import (
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/record/recordtest"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

func TestSchedulingComparesTheTwoPoliciesOfOneBackend(t *testing.T) {
	g := recordtest.New(t, 1, 1)
	for _, batch := range []struct {
		mode string
		rate float64
	}{{"auto", 300}, {"off", 200}} {
		g.Trial(record.ExperimentScheduling, "process", "nodejs20.x", record.ViaWorker,
			map[string]string{record.LabelBatch: batch.mode, record.LabelFunctions: "16"},
			func(put func(record.Invocation), measure func(record.Measurement)) {
				put(record.Invocation{Path: record.PathHot, Latency: 1e6, Outcome: record.OutcomeOK})
				measure(record.Measurement{Metric: record.MetricThroughput, Unit: record.UnitRate, Value: batch.rate})
			})
	}
	s, _, err := summary.Read(g.Dir, "")
	if err != nil {
		t.Fatal(err)
	}
	rows := schedulingTable(s).Rows
	if len(rows) != 1 || !strings.HasPrefix(rows[0].Cells[3], "300") || !strings.HasPrefix(rows[0].Cells[4], "200") ||
		!strings.HasPrefix(rows[0].Cells[5], "1.50x") {
		t.Errorf("%+v", rows)
	}
}
