package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// asCommand, in the environment, has the test binary be the command.
const asCommand = "LAMBDABENCH_TEST_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// command runs lambdabench and returns its exit code and what it printed.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	cmd := prepared(args...)
	cmd.Stdout, cmd.Stderr = &out, &err
	if e := cmd.Run(); e != nil && cmd.ProcessState == nil {
		t.Fatal(e)
	}
	return cmd.ProcessState.ExitCode(), out.String(), err.String()
}

func prepared(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asCommand+"=1")
	return cmd
}

// listening starts a command that serves, and returns its URL once it listens.
func listening(t *testing.T, args ...string) (string, *exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd := prepared(args...)
	log := &bytes.Buffer{}
	cmd.Stderr = log
	line := runtimetest.Child(t, cmd)
	url, _, found := strings.Cut(strings.TrimPrefix(line, "listening on "), " ")
	if !found {
		t.Fatalf("it says %q", line)
	}
	return url, cmd, log
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "suite.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestExitCodesTellWrongUseFromFailure(t *testing.T) {
	wrongKey := write(t, "suite: x\nexperiments: {deploy: {cals: 3}}\n")
	good := write(t, "suite: x\nexperiments: {deploy: }\n")
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"help", []string{"--help"}, exitOK, "Exit codes"},
		{"no argument shows the manual", nil, exitOK, "lambdabench doctor"},
		{"list", []string{"list"}, exitOK, "throughput"},
		{"unknown command", []string{"rum"}, exitUsage, `"rum"`},
		{"unknown flag", []string{"run", "--ot", "x"}, exitUsage, "--ot"},
		{"run without a suite", []string{"run"}, exitUsage, "1 arg"},
		{"a suite that is not there", []string{"run", "/nonexistent.yaml"}, exitUsage, "/nonexistent.yaml"},
		{"a suite with a mistake", []string{"run", wrongKey}, exitUsage, wrongKey + ":2:24: unknown key \"cals\""},
		{"an unknown backend", []string{"run", good, "--backends", "jail", "--out", t.TempDir()}, exitUsage, `"jail"`},
		{"an experiment that is not in the suite", []string{"run", good, "--only", "burst", "--out", t.TempDir()},
			exitUsage, `"burst"`},
		{"a network that containers do not have", []string{"doctor", "--container-network", "wifi"}, exitUsage,
			"want none, host or bridge"},
		{"report without a run", []string{"report"}, exitUsage, "1 arg"},
		{"report on what is no run", []string{"report", "/nonexistent"}, exitFailed, "/nonexistent"},
		{"compare with one run", []string{"compare", "a"}, exitUsage, "2 arg"},
		{"compare what is no run", []string{"compare", "/nonexistent", "/nonexistent"}, exitFailed, "/nonexistent"},
	} {
		code, stdout, stderr := command(t, c.args...)
		if code != c.code || !strings.Contains(stdout+stderr, c.says) {
			t.Errorf("%s: exit code %d, want %d, with %q in:\n%s%s", c.name, code, c.code, c.says, stdout, stderr)
		}
	}
}

func TestARunThatCannotBeginNamesNoWayToGoOn(t *testing.T) {
	out := t.TempDir()
	if err := os.Mkdir(filepath.Join(out, record.Folder), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{record.SuiteFile: "suite: other\n",
		filepath.Join(record.Folder, "0001-deploy"+record.Suffix): ""} {
		if err := os.WriteFile(filepath.Join(out, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	suite := write(t, "suite: x\nexperiments: {deploy: }\n")
	code, _, stderr := command(t, "run", suite, "--out", out)
	if code != exitFailed || !strings.Contains(stderr, bench.ErrOtherSuite.Error()) ||
		strings.Contains(stderr, "To go on") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

func TestTheCommandToGoOnIsForAShell(t *testing.T) {
	got := resume("my suite.yaml", "it's", runFlags{backends: []string{"container/runc"}, only: []string{"ao"},
		patience: 10 * time.Minute, verbose: true, backendFlags: backendFlags{network: "none"}})
	const want = `lambdabench run 'my suite.yaml' --out 'it'\''s' --backends container/runc --only ao ` +
		`--container-network none --patience 10m0s --verbose`
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestDoctorHasAVerdictOnEveryBackend(t *testing.T) {
	code, stdout, stderr := command(t, "doctor")
	all, closeAll := backendFlags{}.open()
	defer closeAll()
	usable := 0
	for _, b := range all {
		i := strings.Index(stdout, "\n  "+b.Name()+" ")
		if i < 0 {
			t.Errorf("no line on %s in:\n%s%s", b.Name(), stdout, stderr)
			continue
		}
		line, _, _ := strings.Cut(stdout[i+1:], "\n")
		if strings.HasSuffix(line, " usable") || strings.HasSuffix(line, " only") {
			usable++
		} else if !strings.Contains(line, "not usable: ") {
			t.Errorf("no verdict: %q", line)
		}
	}
	if want := map[bool]int{true: exitOK, false: exitFailed}[usable > 0]; code != want {
		t.Errorf("exit code %d with %d usable backends", code, usable)
	}
}

// A trial takes 0.4 s: eight leave an interruption time to come before the last,
// on a host where this test is kept waiting for seconds, too.
const short = `suite: short
repeats: 8
settle: {busy: 1, wait: 1s}
runtimes: [python]
experiments: {deploy: {paths: [boot], calls: 3, warmup: 0}}
`

// TestRunEndsWithTheReportAndResumes interrupts a run as Ctrl-C does, and takes
// it up again.
func TestRunEndsWithTheReportAndResumes(t *testing.T) {
	if _, err := isolation.FindInterpreter(context.Background(), "python"); err != nil {
		t.Skip(err)
	}
	suite, out := write(t, short), filepath.Join(t.TempDir(), "run")
	args := []string{"run", suite, "--backends", "process", "--out", out}
	var stderr bytes.Buffer
	cmd := prepared(args...)
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := func() int {
		files, _ := filepath.Glob(filepath.Join(out, "records", "*.gz"))
		return len(files)
	}
	t.Cleanup(func() { runtimetest.Kill(cmd) })
	runtimetest.Eventually(t, "a trial is finished", func() bool { return done() > 0 })
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitFailed ||
		!strings.Contains(stderr.String(), "To go on: lambdabench "+strings.Join([]string{"run", suite, "--out", out,
			"--backends", "process"}, " ")) {
		t.Errorf("exit code %d, and no way to go on in:\n%s", code, stderr.String())
	}
	if n := done(); n == 0 || n == 8 {
		t.Fatalf("%d of 8 trials were finished when the run was interrupted", n)
	}
	code, stdout, errout := command(t, args...)
	if code != exitOK || done() != 8 {
		t.Fatalf("exit code %d, %d trials: %s", code, done(), errout)
	}
	if report := filepath.Join(out, "report.html"); !strings.HasSuffix(stdout, report+"\n") {
		t.Errorf("the last line is not %s:\n%s", report, stdout)
	} else if _, err := os.Stat(report); err != nil {
		t.Error(err)
	}
	if code, stdout, errout := command(t, "compare", out, out); code != exitOK || !strings.Contains(stdout, "~") {
		t.Errorf("a run against itself: exit code %d, %s%s", code, stdout, errout)
	}
}
