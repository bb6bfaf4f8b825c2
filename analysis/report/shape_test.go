package report

import (
	"strings"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/record/recordtest"
	"github.com/lambdabench/lambdabench/analysis/statistics"
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
	if last := Shape(s)[5]; last.Verdict != NotShown || last.Evidence[0] != "unikernel, nodejs20.x, every 8s: 1 of 10 "+
		"failed: no" {
		t.Errorf("%+v", last)
	}
}

// burstRun is a run in which the backend with snapshots stands its bursts, and a control
// does as it is told.
func burstRun(bursts, size, stems, most, failed, slowest, silence float64) *summary.Summary {
	s := &summary.Summary{}
	put := func(backend, metric, load string, n int, p50 float64) {
		r := summary.Result{Experiment: record.ExperimentBurst, Backend: backend, Runtime: "nodejs20.x", Metric: metric,
			N: n, P50: p50, Labels: map[string]string{record.LabelPeriod: "8s"},
			PerTrial: []statistics.Trial{{Number: 1, Value: p50}}}
		if load != "" {
			r.Labels[record.LabelLoad] = load
		}
		s.Results = append(s.Results, r)
	}
	for metric, v := range map[string]float64{record.MetricBursts: bursts, record.MetricBurstSize: size,
		record.MetricStemCells: stems, record.MetricMostInstances: most} {
		if bursts > 0 {
			put("unikernel", metric, "", 1, v)
		}
	}
	put("unikernel", summary.MetricErrorRate, record.LoadBurst, 640, 0)
	put("unikernel", summary.MetricMaxLatency, record.LoadBurst, 1, 2000)
	put("unikernel", summary.MetricLongestSilence, record.LoadBackground, 1, 0.5)
	if slowest > 0 {
		put("process", summary.MetricErrorRate, record.LoadBurst, 640, failed)
		put("process", summary.MetricMaxLatency, record.LoadBurst, 1, slowest)
		put("process", summary.MetricLongestSilence, record.LoadBackground, 1, silence)
	}
	return s
}

func TestBurstsAreShownWhereAControlSuffersAlone(t *testing.T) {
	for name, c := range map[string]struct {
		s    *summary.Summary
		want string
		says string
	}{
		"the control fails": {burstRun(10, 64, 16, 128, 0.25, 2000, 0.5), "shown", "control process suffers: " +
			"160 of 640"},
		"the control slows":        {burstRun(10, 64, 16, 128, 0, 10_000, 0.5), "shown", "slowest call 5x, silence 1x"},
		"its background is silent": {burstRun(10, 64, 16, 128, 0, 2000, 2.5), "shown", "silence 5x"},
		"the control stands it": {burstRun(10, 64, 16, 128, 0, 9000, 2), "not shown: the control did not suffer",
			"control process does not suffer: 0 of 640 failed, slowest call 4.50x, silence 4x"},
		"no control": {burstRun(10, 64, 16, 128, 0, 0, 0), "not shown: there is no control", "0 of 640 failed: yes"},
		"few bursts": {burstRun(3, 64, 16, 128, 1, 9000, 9), "not shown: the bursts are milder than the paper's",
			"3 bursts, the paper has 10"},
		"a stem cell for each call": {burstRun(10, 16, 16, 128, 1, 9000, 9),
			"not shown: the bursts are milder than the paper's", "16 calls a burst are not more than the 16 stem " +
				"cells"},
		"a sandbox for each call": {burstRun(10, 16, 8, 160, 1, 9000, 9),
			"not shown: the bursts are milder than the paper's", "no more than the 160 sandboxes"},
		"an old run": {burstRun(0, 0, 0, 0, 1, 9000, 9), "not shown: the bursts are milder than the paper's",
			"do not tell how many bursts"},
	} {
		f := Shape(c.s)[5]
		if string(f.Verdict) != c.want || !strings.Contains(strings.Join(f.Evidence, "; "), c.says) {
			t.Errorf("%s: %s, %v; want %s, %s", name, f.Verdict, f.Evidence, c.want, c.says)
		}
	}
}

func TestPathsAreOrderedBySixTrialsAndNotByFewer(t *testing.T) {
	for trials, want := range map[int]string{6: "shown", 3: "not shown: fewer than 6 trials have no interval"} {
		s := &summary.Summary{}
		for i, path := range []string{record.PathHot, record.PathWarm, record.PathCold} {
			p50 := float64(1 + i)
			s.Results = append(s.Results, summary.Result{Experiment: record.ExperimentDeploy, Backend: "unikernel",
				Runtime: "python3.11", Path: path, Metric: summary.MetricLatency, Trials: trials, N: 10, P50: p50,
				CILow: p50, CIHigh: p50})
		}
		if f := Shape(s)[0]; string(f.Verdict) != want {
			t.Errorf("%d trials: %s, want %s", trials, f.Verdict, want)
		}
	}
}
