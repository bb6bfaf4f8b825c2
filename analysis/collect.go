package analysis

import (
	"fmt"
	"maps"
	"path/filepath"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/lambdabench/lambdabench/analysis/record"
)

// identity is what the rows of one series share.
type identity struct {
	experiment, backend, runtime, via, path string
	labels                                  map[string]string // without those in notLabels
}

func (a identity) equal(b identity) bool {
	return a.experiment == b.experiment && a.backend == b.backend && a.runtime == b.runtime &&
		a.via == b.via && a.path == b.path && maps.Equal(a.labels, b.labels)
}

func (a identity) key() string {
	return a.experiment + "\x00" + a.backend + "\x00" + a.runtime + "\x00" + a.via + "\x00" + a.path + "\x00" + labelString(a.labels)
}

// notLabels are labels of rows that do not tell series apart.
var notLabels = []string{record.LabelWarmup, record.LabelIntended, record.LabelBurst, record.LabelStopped, record.LabelProvider, record.LabelDetail}

// pathless experiments mix paths on purpose: what counts is the mixture.
var pathless = []string{record.ExperimentThroughput, record.ExperimentBurst, record.ExperimentMPSC, record.ExperimentTrace}

// timed experiments are drawn over time, so each of their invocations is kept.
var timed = []string{record.ExperimentBurst, record.ExperimentMPSC}

// trial is what one trial adds to a series.
type trial struct {
	number   int
	latency  []float64            // ms, of correct replies
	stages   map[string][]float64 // ms, as long as latency; a stage that never occurs has no entry
	failed   int
	outcomes map[string]int // of the failed
	strays   map[string]int // invocations that took another path than this one, by path
	points   []point        // of timed experiments
	begin    int64          // ns, first scheduled
	end      int64          // ns, last correct reply
	busy     float64        // share of the processors in use before the trial; -1 where not measured
}

// point is one invocation on a time axis.
type point struct {
	at       float64 // s since the trial's start, when it was scheduled
	latency  float64 // ms
	ok       bool
	burst    int // number of the burst; -1 in the background
	provider string
}

// quantity is a measurement of one trial.
type quantity struct {
	identity
	metric, unit string
	trial        int
	value        float64
	stopped      string
	detail       string
	busy         float64
}

// data is all records of a run, or of one file, by series.
type data struct {
	series     []*series
	quantities []quantity
	rows       int
}

type series struct {
	identity
	trials []*trial // by number
}

// collect reads all record files, as many at a time as there are processors.
// The order of what it returns does not depend on which is read first.
func collect(runDir string) (*data, error) {
	files, err := record.Files(runDir)
	if err != nil {
		return nil, fmt.Errorf("list record files: %w", err)
	}
	parts := make([]*data, len(files))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, f := range files {
		g.Go(func() (err error) {
			parts[i], err = readTrial(f)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return merge(parts), nil
}

// readTrial reads the file of one trial.
func readTrial(path string) (*data, error) {
	r := &reader{busy: -1}
	if err := record.Read(path, r.invocation, r.measurement); err != nil {
		return nil, err
	}
	return r.finish(), nil
}

func merge(parts []*data) *data {
	all := &data{}
	at := map[string]*series{}
	for _, p := range parts {
		all.rows += p.rows
		all.quantities = append(all.quantities, p.quantities...)
		for _, s := range p.series {
			k := s.key()
			if have := at[k]; have != nil {
				have.trials = append(have.trials, s.trials...)
				continue
			}
			at[k] = s
			all.series = append(all.series, s)
		}
	}
	for _, s := range all.series {
		slices.SortStableFunc(s.trials, func(a, b *trial) int { return a.number - b.number })
	}
	return all
}

// folderName is how a run is called.
func folderName(runDir string) string {
	abs, err := filepath.Abs(runDir)
	if err != nil {
		return filepath.Base(runDir)
	}
	return filepath.Base(abs)
}
