// Package recordtest writes run folders of SYNTHETIC records for tests: drawn from a seeded
// generator, with round figures made up for the purpose. They describe no machine and no
// backend, whatever the names in them.
package recordtest

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
)

const suite = "suite: SYNTHETIC\nseed: 7\n"

// Run is a run folder that is being written.
type Run struct {
	t      testing.TB
	Dir    string
	Block  int // of the trials that follow; 0 where it is not known
	rng    *rand.Rand
	number int
	scale  float64 // of all times
}

// Whole writes a whole run folder: every experiment, three backends.
func Whole(t testing.TB, seed uint64, scale float64) string {
	t.Helper()
	g := New(t, seed, scale)
	for repeat := range 6 {
		g.Block = repeat + 1
		for _, b := range []string{"container/runc", "process", "unikernel"} {
			for _, rt := range []string{"nodejs20.x", "python3.11"} {
				g.Target(b, rt, repeat)
			}
		}
	}
	g.MPSC()
	g.Trace()
	g.Training()
	return g.Dir
}

// TwoPaths writes a run of two deploy trials by each of two paths.
func TwoPaths(t testing.TB) string {
	g := New(t, 3, 1)
	for range 2 {
		g.Deploy("process", "nodejs20.x", "hot", 0.2)
		g.Deploy("process", "nodejs20.x", "cold", 5)
	}
	return g.Dir
}

// New begins a run folder; scale multiplies all times.
func New(t testing.TB, seed uint64, scale float64) *Run {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "synthetic")
	g := &Run{t: t, Dir: dir, rng: rand.New(rand.NewPCG(seed, 1)), scale: scale}
	g.must(os.MkdirAll(filepath.Join(dir, record.Folder), 0o755))
	g.must(os.WriteFile(filepath.Join(dir, record.SuiteFile), []byte(suite), 0o644))
	m := record.Machine{Date: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), CPU: "SYNTHETIC", Cores: 2,
		MemoryBytes: 24e9, Kernel: "0.0", OS: "none", User: "root",
		LoadBefore:   [3]float64{0.1, 0.1, 0.1},
		Interpreters: map[string]string{"nodejs20.x": "20", "python3.11": "3.11"},
		Backends:     map[string]string{"process": "", "unikernel": "", "container/runc": "0"}, Go: "go",
		Commit: "0000000"}
	b, err := json.Marshal(m)
	g.must(err)
	g.must(os.WriteFile(filepath.Join(dir, record.MachineFile), b, 0o644))
	return g
}

func (g *Run) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

// Trial writes one trial's file.
func (g *Run) Trial(experiment, backend, rt, via string, labels map[string]string,
	fill func(put func(record.Invocation), measure func(record.Measurement))) {
	g.t.Helper()
	g.number++
	w, err := record.Create(filepath.Join(g.Dir, record.Folder,
		fmt.Sprintf("%04d-%s%s", g.number, experiment, record.Suffix)))
	g.must(err)
	w.Trial(record.Trial{Number: g.number, Block: g.Block})
	merged := func(own map[string]string) map[string]string {
		all := map[string]string{}
		for k, v := range labels {
			all[k] = v
		}
		for k, v := range own {
			all[k] = v
		}
		return all
	}
	fill(func(r record.Invocation) {
		r.Experiment, r.Backend, r.Runtime, r.Via, r.Trial, r.Labels = experiment, backend, rt, via, g.number,
			merged(r.Labels)
		w.Invocation(r)
	}, func(r record.Measurement) {
		r.Experiment, r.Backend, r.Runtime, r.Via, r.Trial, r.Labels = experiment, backend, rt, via, g.number,
			merged(r.Labels)
		w.Measurement(r)
	})
	g.must(w.Commit())
}

// Draw is a latency in ns whose median is so many ms.
func (g *Run) Draw(median float64) int64 {
	return int64(g.scale * median * 1e6 * math.Exp(0.15*g.rng.NormFloat64()))
}

// made up: cold, warm, hot and boot latencies in ms, MB each, creations a second
var madeUp = map[string]struct{ boot, cold, warm, hot, mb, rate float64 }{
	"process":        {80, 5, 0, 0.2, 20, 25},
	"container/runc": {200, 6, 0, 0.25, 30, 5},
	"unikernel":      {90, 2, 0.8, 0.1, 0.4, 900},
}
