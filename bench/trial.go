package bench

import (
	"fmt"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// Target is what experiments compare: one language runtime on one backend.
type Target struct {
	Backend     string
	Interpreter isolation.Interpreter
	Snapshots   bool   // the backend is an isolation.Snapshotter
	Offline     string // why the backend's functions do not reach this host; "" where they do
	Restless    string // why idle sandboxes cannot be paused; "" where they can
	Networks    string // those of the host that sandboxes can be on, with spaces between; "" where none is
	Resident    string // why the memory of paused sandboxes cannot be taken back; "" where it can
}

// Trial is one run of one experiment on one target.
type Trial struct {
	Number     int // in the plan's canonical order, from 1
	Experiment string
	Target     Target
	Repeat     int               // from 1
	Via        string            // record.ViaSandbox, record.ViaWorker or record.ViaGateway
	Path       string            // the path that the trial sets out to take, if it matters
	Labels     map[string]string // what this trial varies: "functions": "64"
	Least      time.Duration     // the least time in which the trial makes sense
	Most       int               // repeats of the trial at most; 0: as many as the experiment has
	Limit      time.Duration     // the time in which the trial should end, set by the plan
}

// repeats is how often the trial is run where its experiment is repeated n times.
func (t Trial) repeats(n int) int {
	if t.Most > 0 {
		return min(n, t.Most)
	}
	return n
}

// File is the name of the trial's record file.
func (t Trial) File() string {
	name := fmt.Sprintf("%04d-%s-%s-%s", t.Number, t.Experiment, t.Target.Backend, t.Target.Interpreter.Runtime)
	if t.Path != "" {
		name += "-" + t.Path
	}
	for _, k := range sortedKeys(t.Labels) {
		name += "-" + k + t.Labels[k]
	}
	return strings.NewReplacer("/", "_", " ", "_").Replace(name) + fmt.Sprintf("-r%d", t.Repeat) + record.Suffix
}

func (t Trial) String() string {
	s := fmt.Sprintf("%s %s %s", t.Experiment, t.Target.Backend, t.Target.Interpreter.Runtime)
	if t.Path != "" {
		s += " " + t.Path
	}
	for _, k := range sortedKeys(t.Labels) {
		s += " " + k + "=" + t.Labels[k]
	}
	return s + fmt.Sprintf(" #%d", t.Repeat)
}
