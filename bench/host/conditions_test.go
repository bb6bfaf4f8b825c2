package host

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
)

// fakeHost writes the files of a host below a folder.
func fakeHost(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func byMetric(all []record.Measurement) map[string]record.Measurement {
	m := map[string]record.Measurement{}
	for _, r := range all {
		m[r.Metric] = r
	}
	return m
}

func TestConditionsAreTheDifferenceOverTheTrial(t *testing.T) {
	root := t.TempDir()
	const cpufreq = "sys/devices/system/cpu/cpu%d/cpufreq/scaling_%s"
	fakeHost(t, root, map[string]string{
		"proc/stat":                               "cpu  100 0 50 800 20 0 10 20 7 0\ncpu0 1 2 3\n",
		"proc/pressure/cpu":                       "some avg10=0.00 avg60=0.00 avg300=0.00 total=5000\nfull total=9\n",
		"proc/pressure/memory":                    "some avg10=0.00 avg60=0.00 avg300=0.00 total=70\n",
		"proc/sys/kernel/sched_autogroup_enabled": "1\n",
		"proc/17/comm":                            "kdamond.0\n",
		fmt.Sprintf(cpufreq, 0, "cur_freq"):       "3000000\n",
		fmt.Sprintf(cpufreq, 1, "cur_freq"):       "2000000\n",
		fmt.Sprintf(cpufreq, 0, "governor"):       "powersave\n",
	})
	c := watchConditions(t.Context(), root)
	c.begun.at = time.Now().Add(-2 * time.Second) // as if the trial had taken so long
	fakeHost(t, root, map[string]string{
		"proc/stat":            "cpu  150 0 70 810 20 0 10 40 9 0\n",
		"proc/pressure/cpu":    "some avg10=9.00 avg60=0.00 avg300=0.00 total=1005000\n",
		"proc/pressure/memory": "some avg10=0.00 avg60=0.00 avg300=0.00 total=70\n",
	})
	got := byMetric(c.End())
	for metric, want := range map[string]float64{
		record.MetricSteal:          0.2, // 20 of 100 ticks
		record.MetricPressureCPU:    0.5, // 1 of 2 s
		record.MetricPressureMemory: 0,
		record.MetricFrequency:      2.5e9,
		record.MetricMemorySampled:  1,
		record.MetricAutogroup:      1,
	} {
		if m, ok := got[metric]; !ok || m.Value < want-0.01 || m.Value > want*1.01 {
			t.Errorf("%s is %v (told: %v), want %v", metric, m.Value, ok, want)
		}
	}
	if detail := got[record.MetricAutogroup].Labels[record.LabelDetail]; detail != "powersave" {
		t.Errorf("the governor is %q", detail)
	}
	if _, ok := got[record.MetricPressureIO]; ok {
		t.Error("a pressure is told that the host does not tell")
	}
}

func TestConditionsOfAHostThatTellsNothing(t *testing.T) {
	got := byMetric(watchConditions(t.Context(), t.TempDir()).End())
	if len(got) != 2 || got[record.MetricMemorySampled].Value != 0 || got[record.MetricAutogroup].Value != 0 {
		t.Errorf("%v", got)
	}
}

func TestConditionsOfThisHostAreShares(t *testing.T) {
	c := WatchConditions(t.Context())
	for deadline := time.Now().Add(50 * time.Millisecond); time.Now().Before(deadline); { // ticks are 10 ms
	}
	for _, m := range c.End() {
		if m.Unit == record.UnitShare && !(m.Value >= 0 && m.Value <= 1) {
			t.Errorf("%s is %v, no share", m.Metric, m.Value)
		}
	}
}

func TestPressureThatIsReadAfterTheClockIsStillAShare(t *testing.T) {
	root := t.TempDir()
	waited := func(micros string) {
		fakeHost(t, root, map[string]string{"proc/pressure/cpu": "some avg10=0.00 avg60=0.00 total=" + micros + "\n"})
	}
	waited("5")
	c := watchConditions(t.Context(), root)
	waited("9000000000")
	if m, ok := byMetric(c.End())[record.MetricPressureCPU]; !ok || m.Value != 1 {
		t.Errorf("pressure of the whole time and more: %+v", m)
	}
}

func TestAutogroupGroupsWhatIsInNoCPUGroup(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  bool
	}{
		"version 1, root":  {map[string]string{"proc/self/cgroup": "3:cpuset:/x\n2:cpu,cpuacct:/\n0::/x\n"}, true},
		"version 1, group": {map[string]string{"proc/self/cgroup": "2:cpu,cpuacct:/run\n0::/\n"}, false},
		"version 2, root":  {map[string]string{"proc/self/cgroup": "0::/\n"}, true},
		"version 2, group": {map[string]string{"proc/self/cgroup": "0::/run\n",
			"sys/fs/cgroup/run/cpu.weight": "100\n"},
			false},
		"version 2, group without the controller": {map[string]string{"proc/self/cgroup": "0::/run\n"}, true},
	} {
		root := t.TempDir()
		fakeHost(t, root, map[string]string{"proc/sys/kernel/sched_autogroup_enabled": "1\n"})
		fakeHost(t, root, c.files)
		if got := autogroup(root); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
