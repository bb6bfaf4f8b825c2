package live

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/record/recordtest"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

func look(t *testing.T, s Source) State {
	t.Helper()
	state, err := s.Look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func tell(t *testing.T, dir string, p record.Progress) {
	t.Helper()
	if err := record.WriteProgress(dir, p); err != nil {
		t.Fatal(err)
	}
}

func TestAFolderTellsHowItsRunGoes(t *testing.T) {
	g := recordtest.New(t, 1, 1)
	f, err := OpenFolder(g.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if s := look(t, f); s.Ended != "" || s.Progress != nil {
		t.Errorf("before the run: %+v", s)
	}
	p := record.Progress{PID: os.Getpid(), Begun: time.Now(), Trials: 4, Left: 100}
	tell(t, g.Dir, p)
	p.Trial, p.Started = "deploy process nodejs20.x hot #1", time.Now().Add(-time.Minute)
	p.Failed, p.Errors = 1, []string{"trial 9: <b>"}
	tell(t, g.Dir, p)
	s := look(t, f)
	if s.Ended != "" || s.Progress.All != 4 || s.Progress.Failed != 1 || s.Progress.Left > 41 {
		t.Errorf("%+v, %+v", s, s.Progress)
	}
	if slices.ContainsFunc(s.Facts, func(f Fact) bool { return f.Name == "warning" }) {
		t.Errorf("a run under way is warned of: %v", s.Facts)
	}
	if !slices.Contains(s.Facts, Fact{"this trial", p.Trial}) || !slices.Equal(s.Errors, p.Errors) {
		t.Errorf("facts %v, errors %q", s.Facts, s.Errors)
	}
	before := s.Figures.Version
	g.Deploy("process", "nodejs20.x", "hot", 0.2)
	g.Deploy("process", "nodejs20.x", "hot", 0.2)
	s = look(t, f)
	if s.Figures.Version == before || !slices.ContainsFunc(s.Figures.Table.Rows, func(r Row) bool {
		return slices.Contains(r.Cells, summary.MetricLatency) && len(r.Trials) == 2
	}) {
		t.Errorf("figures %+v", s.Figures.Table)
	}
	if again := look(t, f); again.Figures.Version != s.Figures.Version {
		t.Error("figures are new where nothing is")
	}
	p.Ended, p.Outcome = true, "2 of 4 trials failed"
	tell(t, g.Dir, p)
	if s = look(t, f); !strings.Contains(s.Ended, p.Outcome) {
		t.Errorf("ended: %q", s.Ended)
	}
}

func TestARunThatWasKilledHasEnded(t *testing.T) {
	g := recordtest.New(t, 1, 1)
	victim := exec.Command("sleep", "60")
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	tell(t, g.Dir, record.Progress{PID: victim.Process.Pid, Trials: 4})
	f, err := OpenFolder(g.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if s := look(t, f); s.Ended != "" {
		t.Errorf("a run under way has ended: %s", s.Ended)
	}
	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Waitid(unix.P_PID, victim.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if s := look(t, f); !strings.Contains(s.Ended, "gone") {
		t.Errorf("a run that is a zombie goes on: %+v", s)
	}
	victim.Wait()
	tell(t, g.Dir, record.Progress{PID: os.Getpid(), Born: 1, Trials: 4})
	if s := look(t, f); !strings.Contains(s.Ended, "gone") {
		t.Errorf("another process with the number of the run's is the run: %+v", s)
	}
}

func TestAFolderThatIsNoneIsRefused(t *testing.T) {
	if _, err := OpenFolder(t.TempDir()); err == nil || !strings.Contains(err.Error(), "lambdabench run --out") {
		t.Errorf("error %v", err)
	}
}

func TestWhatIsFollowedIsWhatTheReportReads(t *testing.T) {
	dir := recordtest.Whole(t, 1, 1)
	f := summary.Follower{Dir: dir}
	got, changed, err := f.Update()
	if err != nil || !changed {
		t.Fatal(changed, err)
	}
	want, _, err := summary.Read(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(got.Results, want.Results, func(a, b summary.Result) bool {
		return a.Key() == b.Key() && a.N == b.N && a.P50 == b.P50 && a.CILow == b.CILow && a.CIHigh == b.CIHigh &&
			slices.Equal(a.PerTrial, b.PerTrial) && slices.Equal(a.Warnings, b.Warnings)
	}) || !slices.Equal(got.Warnings(), want.Warnings()) {
		t.Errorf("%d results, the report has %d, or other warnings", len(got.Results), len(want.Results))
	}
	if _, changed, err := f.Update(); changed || err != nil {
		t.Error("a second look at the same files finds something", err)
	}
}
