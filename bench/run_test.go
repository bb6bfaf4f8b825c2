package bench_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/bench/experiment"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/process"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// childRun, in the environment, has the test binary run a suite into a folder
// instead of tests, so that a test can kill it.
const childRun = "LAMBDABENCH_TEST_RUN"

func TestMain(m *testing.M) {
	if out := os.Getenv(childRun); out != "" {
		if err := runSuite(context.Background(), "testdata/resume.yaml", out); err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func runSuite(ctx context.Context, path, out string) error {
	su, err := bench.ReadSuite(path, experiment.All)
	if err != nil {
		return err
	}
	return runner().Run(ctx, su, out)
}

func runner() *bench.Runner {
	return &bench.Runner{Open: func([]string) []isolation.Backend {
		return []isolation.Backend{process.New(process.Config{})}
	}}
}

func needInterpreter(t *testing.T) {
	t.Helper()
	if len(isolation.Interpreters(context.Background())) == 0 {
		t.Skip("neither Node.js 18+ nor CPython 3.11+ is installed")
	}
}

// sums are the finished trials, by name, with their content.
func sums(t *testing.T, dir string) map[string][32]byte {
	t.Helper()
	files, err := record.Files(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][32]byte{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(f)] = sha256.Sum256(b)
	}
	return all
}

func plan(t *testing.T, dir string) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, record.PlanFile))
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	if err := json.Unmarshal(b, &files); err != nil {
		t.Fatal(err)
	}
	return files
}

func progressIn(t *testing.T, dir string) record.Progress {
	t.Helper()
	p, ok, err := record.ReadProgress(dir)
	if err != nil || !ok {
		t.Fatalf("the folder has no progress: %v", err)
	}
	return p
}

func TestARunThatIsKilledIsTakenUpAndLosesNoFinishedTrial(t *testing.T) {
	needInterpreter(t)
	out, tmp := t.TempDir(), openTempDir(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childRun+"="+out, "TMPDIR="+tmp)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		runtimetest.Kill(cmd)
		if t.Failed() {
			t.Logf("the run said: %s", said.String())
		}
	})
	runtimetest.Eventually(t, "two trials are finished", func() bool { return len(sums(t, out)) >= 2 })
	runtimetest.Kill(cmd)
	before := sums(t, out)
	if all := plan(t, out); len(before) >= len(all) {
		t.Fatalf("the run was over before it could be killed: %d of %d trials", len(before), len(all))
	}
	noDriversIn(t, tmp)
	if p := progressIn(t, out); p.Ended || p.PID != cmd.Process.Pid || p.Born == 0 || p.Trials != len(plan(t, out)) {
		t.Errorf("the killed run's progress is %+v", p)
	}
	if err := runSuite(context.Background(), "testdata/resume.yaml", out); err != nil {
		t.Fatal(err)
	}
	after := sums(t, out)
	for name, sum := range before {
		if after[name] != sum {
			t.Errorf("%s was finished before the kill and is not as it was", name)
		}
	}
	for _, name := range plan(t, out) {
		if _, ok := after[name]; !ok {
			t.Errorf("%s is missing", name)
		}
	}
	if p := progressIn(t, out); !p.Ended || p.Outcome != "" || p.Done != len(after) || p.Trials != p.Done {
		t.Errorf("the whole run's progress is %+v", p)
	}
	if len(after) != len(plan(t, out)) {
		t.Errorf("%d trials recorded, %d planned", len(after), len(plan(t, out)))
	}
}

// openTempDir is a temporary directory that every user can enter, as backends
// that drop privileges need it.
func openTempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lambdabench-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// noDriversIn waits until no process is left that was started with a file below dir: a process that gets its death
// signal may need a moment.
func noDriversIn(t *testing.T, dir string) {
	t.Helper()
	var left string
	defer func() {
		if left != "" {
			t.Logf("left is %s", left)
		}
	}()
	runtimetest.Eventually(t, "no process is left of the run", func() bool {
		left = ""
		files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, f := range files {
			if b, err := os.ReadFile(f); err == nil && strings.Contains(string(b), dir) {
				left = strings.ReplaceAll(string(b), "\x00", " ")
			}
		}
		return left == ""
	})
}

func TestAnInterruptedRunSaysSoAndLeavesNothingBehind(t *testing.T) {
	needInterpreter(t)
	out, tmp := t.TempDir(), openTempDir(t)
	t.Setenv("TMPDIR", tmp)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- runSuite(ctx, "testdata/resume.yaml", out) }()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	runtimetest.Eventually(t, "a trial is finished", func() bool { return len(sums(t, out)) > 0 })
	cancel()
	err := <-ended
	close(ended)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if p := progressIn(t, out); !p.Ended || !strings.Contains(p.Outcome, context.Canceled.Error()) {
		t.Errorf("the interrupted run's progress is %+v", p)
	}
	if parts, _ := filepath.Glob(filepath.Join(out, record.Folder, "*.part")); len(parts) > 0 {
		t.Errorf("half trials: %v", parts)
	}
	noDriversIn(t, tmp)
	if left, _ := os.ReadDir(tmp); len(left) > 0 {
		t.Errorf("files: %v", left)
	}
	if _, err := os.Stat(filepath.Join(out, "work")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("work folder: %v", err)
	}
}

func TestAnExperimentWithoutATrialIsSaid(t *testing.T) {
	needInterpreter(t)
	var log bytes.Buffer
	r := runner()
	r.Log = slog.New(slog.NewTextHandler(&log, nil))
	err := r.Run(t.Context(), parse(t, "suite: x\nexperiments: {ao: }"), t.TempDir())
	if !errors.Is(err, bench.ErrNoTrial) || errors.Is(err, bench.ErrNoTarget) ||
		!strings.Contains(err.Error(), ": ao") {
		t.Errorf("error %v", err)
	}
	if !strings.Contains(log.String(), "experiment=ao") {
		t.Errorf("log %q", &log)
	}
}

// severed is a process backend whose functions do not reach the host, as those of
// containers without a network.
type severed struct{ *process.Backend }

func (severed) HostAddress(context.Context) (string, error) {
	return "", &isolation.Unavailable{Backend: "process", Lacks: "the cable is cut", Remedy: "mend it"}
}

func TestBurstsAreLeftOutWithTheReasonWhereSandboxesDoNotReachTheHost(t *testing.T) {
	needInterpreter(t)
	var log bytes.Buffer
	r := bench.Runner{Log: slog.New(slog.NewTextHandler(&log, nil)), Open: func([]string) []isolation.Backend {
		return []isolation.Backend{severed{process.New(process.Config{})}}
	}}
	const experiments = "experiments: {burst: {periods: [1s], bursts: 1, first: 1s}, deploy: {paths: [boot], calls: " +
		"1, warmup: 0}}"
	out := t.TempDir()
	if err := r.Run(t.Context(), parse(t, "suite: x\nsettle: {busy: 1, wait: 1ms}\n"+experiments), out); err != nil {
		t.Fatal(err)
	}
	if said := log.String(); !strings.Contains(said,
		`experiment=burst reason="process: the cable is cut (mend it)" backend=process`) {
		t.Errorf("the log says %q", said)
	}
	for _, name := range plan(t, out) {
		if !strings.Contains(name, "deploy") {
			t.Errorf("%s is planned", name)
		}
	}
	const reachable = "suite: x\nnetwork: {hosts: {process: 127.0.0.1}}\n" + experiments
	if err := r.Run(t.Context(), parse(t, reachable+"\n"), t.TempDir()); err != nil ||
		strings.Count(log.String(), "experiment=burst") != 1 {
		t.Errorf("with an address from the suite: %v, the log says %q", err, &log)
	}
}

// limits is progress that adds up the limits that it is told.
type limits struct{ begun, trials, done time.Duration }

func (l *limits) Begin(_, _ int, limit time.Duration)          { l.begun = limit }
func (l *limits) Trial(t bench.Trial)                          { l.trials += t.Limit }
func (l *limits) Done(t bench.Trial, _ time.Duration, _ error) { l.done += t.Limit }
func (l *limits) End()                                         {}

func TestProgressIsToldOfTheLimitsThatItBeganWithThoughTheClockShortensThem(t *testing.T) {
	needInterpreter(t)
	var l limits
	r := runner()
	r.Progress = &l
	const suite = "suite: x\nbudget: 3s\nsettle: {busy: 1, wait: 1ms}\nexperiments: {deploy: {budget: 8s, paths: " +
		"[boot], calls: 1, warmup: 0}}"
	if err := r.Run(t.Context(), parse(t, suite), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if l.begun == 0 || l.trials != l.begun || l.done != l.begun {
		t.Errorf("%v to go, begun %v, done %v", l.begun, l.trials, l.done)
	}
}

// TestTheSmokeSuiteRecordsEveryTrial runs the suite's experiments for real.
func TestTheSmokeSuiteRecordsEveryTrial(t *testing.T) {
	needInterpreter(t)
	out := t.TempDir()
	if err := runSuite(context.Background(), "../configs/smoke.yaml", out); err != nil {
		t.Fatal(err)
	}
	files, err := record.Files(out)
	if err != nil || len(files) != len(plan(t, out)) {
		t.Fatalf("%d of %d trials (%v)", len(files), len(plan(t, out)), err)
	}
	paths, metrics := map[string]bool{}, map[string]bool{}
	for _, f := range files {
		rows := 0
		err := record.Read(f, func(r record.Invocation) {
			rows++
			paths[r.Experiment+"/"+r.Path] = true
			if r.Outcome != string(isolation.OK) {
				t.Errorf("%s: %s: %s %s", filepath.Base(f), r.Function, r.Outcome, r.Error)
			}
			if r.Latency <= 0 || (r.Run <= 0) != (r.Function == "") || r.Run > r.Latency || r.Experiment == "" ||
				r.Backend != "process" || r.Trial == 0 || r.Via == "" {
				t.Errorf("%s: a row that cannot be: %+v", filepath.Base(f), r)
			}
		}, func(r record.Measurement) { metrics[r.Experiment+"/"+r.Metric] = true })
		if err != nil || rows == 0 {
			t.Errorf("%s: %d rows, %v", f, rows, err)
		}
	}
	for _, want := range []string{"deploy/hot", "deploy/cold", "deploy/boot", "throughput/hot", "burst/boot",
		"overhead/hot"} {
		if !paths[want] {
			t.Errorf("no invocation of %s", want)
		}
	}
	if paths["deploy/warm"] {
		t.Error("the process backend has no warm path")
	}
	for _, want := range []string{"throughput/throughput", "throughput/platform_memory", "density/bytes_per_instance",
		"density/instances", "density/creation_rate", "deploy/busy_before", "overhead/throughput"} {
		if !metrics[want] {
			t.Errorf("no measurement %s", want)
		}
	}
	var m record.Machine
	b, err := os.ReadFile(filepath.Join(out, record.MachineFile))
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err != nil || m.Cores == 0 || m.MemoryBytes == 0 || m.Kernel == "" || len(m.Interpreters) == 0 {
		t.Errorf("machine %+v, %v", m, err)
	}
	if group, err := os.ReadFile("/proc/self/cgroup"); err == nil &&
		strings.Contains(string(group), "lambdabench-run-") {
		t.Errorf("this process is still in the run's memory cgroup: %s", group)
	}
}
