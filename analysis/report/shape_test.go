package report

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/record/recordtest"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

func verdicts(s *summary.Summary) string {
	var all []string
	for _, f := range Shape(s) {
		all = append(all, string(f.Verdict))
	}
	return strings.Join(all, "; ")
}

func TestShapeOfARunThatLooksLikeThePaper(t *testing.T) {
	if got := verdicts(report(t).summary); got != strings.TrimSuffix(strings.Repeat("shown; ", 6), "; ") {
		t.Errorf("%s\n%v", got, Shape(report(t).summary))
	}
}

func TestShapeOfNothing(t *testing.T) {
	if got := verdicts(&summary.Summary{}); got != strings.TrimSuffix(strings.Repeat("not measured; ", 6), "; ") {
		t.Error(got)
	}
}

func TestShapeOfAProcessAlone(t *testing.T) {
	g := recordtest.New(t, 1, 1)
	g.Target("process", "nodejs20.x", 0)
	s, _, err := summary.Read(g.Dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if got := verdicts(s); strings.Count(got, "not measured") != 6 {
		t.Error(got)
	}
}

func TestShapeThatIsNotThePapersIsSaid(t *testing.T) {
	result := func(experiment, backend, path, metric string, p50 float64, labels ...string) summary.Result {
		r := summary.Result{Experiment: experiment, Backend: backend, Runtime: "nodejs20.x", Path: path, Metric: metric,
			N: 10, P50: p50, CILow: p50, CIHigh: p50, Labels: map[string]string{}}
		for i := 0; i+1 < len(labels); i += 2 {
			r.Labels[labels[i]] = labels[i+1]
		}
		return r
	}
	s := &summary.Summary{}
	for path, v := range map[string]float64{"hot": 1, "warm": 5, "cold": 3} {
		s.Results = append(s.Results, result(record.ExperimentDeploy, "unikernel", path, summary.MetricLatency, v))
	}
	for i, step := range []string{"none", "network"} {
		s.Results = append(s.Results, result(record.ExperimentAO, "unikernel", "cold", summary.MetricLatency,
			float64(3+i), record.LabelAO, step))
	}
	for b, v := range map[string]float64{"unikernel": 10, "process": 20, "container/runc": 30} {
		s.Results = append(s.Results, result(record.ExperimentDensity, b, "", record.MetricBytesPerInstance, v),
			result(record.ExperimentDensity, b, "", record.MetricCreationRate, v))
		for i, m := range []string{"64", "4096"} {
			s.Results = append(s.Results, result(record.ExperimentThroughput, b, "", record.MetricThroughput,
				v/float64(1+i), record.LabelFunctions, m))
		}
	}
	s.Results = append(s.Results, result(record.ExperimentBurst, "unikernel", "", summary.MetricErrorRate, 0.1,
		record.LabelPeriod, (8*time.Second).String()))
	if got := verdicts(s); strings.Count(got, "not shown") != 6 {
		t.Error(got)
	}
	if last := Shape(s)[5]; fmt.Sprint(last.Evidence) != "[unikernel, nodejs20.x, periods 8s: 1 of 10 failed: no]" {
		t.Error(last.Evidence)
	}
}
