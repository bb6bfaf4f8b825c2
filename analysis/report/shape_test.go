package report

import (
	"slices"
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
		s.Results = append(s.Results, result(record.ExperimentDensity, b, "", record.MetricBytesPerInstance, v,
			record.LabelState, record.StateServed),
			result(record.ExperimentDensity, b, "", record.MetricCreationRate, v,
				record.LabelState, record.StateServed))
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
	const tooFew = "not shown: fewer than 6 trials have no interval"
	for name, c := range map[string]struct {
		warm, cold []float64
		want       string
	}{
		"six blocks":                    {[]float64{2, 2, 2, 2, 2, 2}, []float64{3, 3, 3, 3, 3, 3}, "shown"},
		"blocks that are slow together": {[]float64{2, 3, 4, 5, 6, 7}, []float64{3, 4, 5, 6, 7, 8}, "shown"},
		"a block the other way":         {[]float64{2, 2, 2, 2, 2, 4}, []float64{3, 3, 3, 3, 3, 3}, "not shown"},
		"three blocks":                  {[]float64{2, 2, 2}, []float64{3, 3, 3}, tooFew},
	} {
		s := &claimRun{}
		for path, values := range map[string][]float64{record.PathHot: slices.Repeat([]float64{1}, len(c.warm)),
			record.PathWarm: c.warm, record.PathCold: c.cold} {
			s.put(record.ExperimentDeploy, "unikernel", "python3.11", path, summary.MetricLatency, values)
		}
		if f := Shape(&s.Summary)[0]; string(f.Verdict) != c.want {
			t.Errorf("%s: %s, want %s", name, f.Verdict, c.want)
		}
	}
}

// claimRun is a run of one value a trial for each series.
type claimRun struct{ summary.Summary }

func (c *claimRun) put(experiment, backend, rt, path, metric string, values []float64, labels ...string) {
	r := summary.Result{Experiment: experiment, Backend: backend, Runtime: rt, Path: path, Metric: metric,
		N: len(values), Labels: map[string]string{}, P50: statistics.Median(values), Trials: len(values)}
	for i, v := range values {
		r.PerTrial = append(r.PerTrial, statistics.Trial{Number: i + 1, Block: i + 1, Value: v})
	}
	bounds := statistics.MedianInterval(values)
	r.CILow, r.CIHigh, r.Interval = bounds.Low, bounds.High, bounds.Kind
	for i := 0; i+1 < len(labels); i += 2 {
		r.Labels[labels[i]] = labels[i+1]
	}
	c.Results = append(c.Results, r)
}

func (c *claimRun) density(rt string, unikernel, process, container []float64) {
	for b, v := range map[string][]float64{"unikernel": unikernel, "process": process, "container/runc": container} {
		c.put(record.ExperimentDensity, b, rt, "", record.MetricBytesPerInstance, v, record.LabelState,
			record.StateServed)
	}
}

func (c *claimRun) throughput(backend string, m string, hot float64, values []float64) {
	c.put(record.ExperimentThroughput, backend, "nodejs20.x", "", record.MetricThroughput, values,
		record.LabelFunctions, m)
	c.put(record.ExperimentThroughput, backend, "nodejs20.x", "", record.MetricHotShare, []float64{hot},
		record.LabelFunctions, m)
}

func six(v float64) []float64 { return []float64{v, v, v, v, v, v} }

func TestDensityIsDecidedByTheIntervalsOfSixTrials(t *testing.T) {
	for name, c := range map[string]struct {
		unikernel []float64
		process   []float64
		want      string
	}{
		"apart":             {six(1), six(6), "shown"},
		"near":              {six(1), six(4), "not shown"},
		"by the median":     {six(1), []float64{4, 4, 6, 6, 6, 6}, "not shown"},
		"too few trials":    {six(1)[:3], six(6)[:3], "not shown: fewer than 6 trials have no interval"},
		"too few on a side": {six(1), six(6)[:5], "not shown: fewer than 6 trials have no interval"},
	} {
		var run claimRun
		run.density("nodejs20.x", c.unikernel, c.process, six(8))
		if f := Shape(&run.Summary)[2]; string(f.Verdict) != c.want {
			t.Errorf("%s: %s, want %s; %v", name, f.Verdict, c.want, f.Evidence)
		}
	}
}

func TestALanguageThatThePaperDoesNotHaveIsToldAndDoesNotDecide(t *testing.T) {
	var run claimRun
	run.density("python3.11", six(1), six(4), six(8))
	if f := Shape(&run.Summary)[2]; f.Verdict != NotShown {
		t.Errorf("Python alone: %s", f.Verdict)
	}
	run.density("nodejs20.x", six(1), six(6), six(8))
	f := Shape(&run.Summary)[2]
	if want := "shown: in Node.js, as in the paper; not in python3.11"; string(f.Verdict) != want ||
		f.Verdict.Kind() != Shown {
		t.Errorf("%s, want %s", f.Verdict, want)
	}
	if len(f.Evidence) != 2 || !strings.HasSuffix(f.Evidence[1], no) {
		t.Errorf("%v: the evidence does not tell of Python", f.Evidence)
	}
}

func TestAStepThatBringsNothingIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		network []float64
		want    string
	}{
		"both help":         {six(5), "shown"},
		"network does not":  {[]float64{9, 9, 11, 9, 11, 9}, "not shown: not by step network"},
		"three trials each": {six(5)[:3], "not shown: fewer than 6 trials have no interval"},
	} {
		var run claimRun
		for steps, values := range map[string][]float64{"none": six(10)[:len(c.network)], "network": c.network,
			"network+interpreter": six(2)[:len(c.network)], "network+interpreter+gc": six(20)} {
			run.put(record.ExperimentAO, "unikernel", "nodejs20.x", record.PathCold, summary.MetricLatency, values,
				record.LabelAO, steps)
		}
		if f := Shape(&run.Summary)[1]; string(f.Verdict) != c.want {
			t.Errorf("%s: %s, want %s; %v", name, f.Verdict, c.want, f.Evidence)
		}
	}
}

func TestThroughputIsFlatAndACliffByIntervals(t *testing.T) {
	for name, c := range map[string]struct {
		small, large []float64 // of the unikernel, at M = 4 and 4,096; at 256 it is 1,000
		process      []float64 // at M = 20; at 4 it is 1,000
		want         string
	}{
		"as the paper's": {six(1050), six(950), six(10), "shown"},
		"hot calls": {six(5000), six(950), six(10),
			"not shown: unikernel is flat from M = 256 on; at a smaller M calls are hot"},
		"falling":  {six(1000), six(500), six(10), "not shown"},
		"no cliff": {six(1000), six(950), six(500), "not shown"},
		"upwards":  {six(1000), six(950), six(9000), "not shown"},
		"two trials": {six(1050)[:2], six(950)[:2], six(10)[:2],
			"not shown: fewer than 6 trials have no interval"},
	} {
		var run claimRun
		run.throughput("unikernel", "4", 1, c.small)
		run.throughput("unikernel", "256", 0.05, six(1000)[:len(c.small)])
		run.throughput("unikernel", "4096", 0, c.large)
		run.throughput("process", "4", 1, six(1000)[:len(c.small)])
		run.throughput("process", "20", 0.5, c.process)
		if f := Shape(&run.Summary)[4]; string(f.Verdict) != c.want {
			t.Errorf("%s: %s, want %s; %v", name, f.Verdict, c.want, f.Evidence)
		}
	}
}
