package bench

import (
	"log/slog"
	"os"
	"time"

	"github.com/prometheus/procfs"

	"github.com/lambdabench/lambdabench/analysis/record"
)

// fileProgress keeps a run's progress in the run folder, for whoever follows the run, and
// passes it on.
type fileProgress struct {
	Progress
	dir      string
	log      *slog.Logger
	state    record.Progress
	estimate estimate
	failed   bool // to write; told once
}

// keepProgress begins the file: the run has the folder and tries the backends.
func keepProgress(p Progress, dir string, log *slog.Logger) *fileProgress {
	if p == nil {
		p = silent{}
	}
	f := &fileProgress{Progress: p, dir: dir, log: log}
	f.state = record.Progress{PID: os.Getpid(), Begun: time.Now()}
	if self, err := procfs.Self(); err == nil {
		if stat, err := self.Stat(); err == nil {
			f.state.Born = stat.Starttime
		}
	}
	f.write()
	return f
}

// Begin implements Progress.
func (f *fileProgress) Begin(trials, done int, limit time.Duration) {
	f.estimate.todo = limit
	f.state.Trials, f.state.Done, f.state.Left = trials, done, limit.Seconds()
	f.write()
	f.Progress.Begin(trials, done, limit)
}

// Trial implements Progress. The trial's clock does not run yet.
func (f *fileProgress) Trial(t Trial) {
	f.state.Trial, f.state.Started, f.state.Left = t.String(), time.Now(), f.estimate.left().Seconds()
	f.write()
	f.Progress.Trial(t)
}

// Done implements Progress. The next Trial, or finish, writes the file.
func (f *fileProgress) Done(t Trial, took time.Duration, err error) {
	f.estimate.add(t, took)
	if err == nil {
		f.state.Done++
	} else {
		f.state.Failed++
		text := err.Error()
		f.state.Errors = append(f.state.Errors, text[:min(len(text), record.MaxError)])
		f.state.Errors = f.state.Errors[max(0, len(f.state.Errors)-record.MaxErrors):]
	}
	f.Progress.Done(t, took, err)
}

// finish says that the run is over, whatever its outcome.
func (f *fileProgress) finish(err error) {
	f.state.Trial, f.state.Started, f.state.Left, f.state.Ended = "", time.Time{}, 0, true
	if err != nil {
		f.state.Outcome = err.Error()
	}
	f.write()
}

// write leaves the run alone where the file cannot be written: records matter, and the
// folder's next record tells of a full disk.
func (f *fileProgress) write() {
	if err := record.WriteProgress(f.dir, f.state); err != nil && !f.failed {
		f.failed = true
		f.log.Warn("the run's progress cannot be followed", "error", err)
	}
}
