package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/analysis/live"
	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/platform/lambdatest"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// watched is the stream of a page's events.
type watched struct {
	t       *testing.T
	lines   *bufio.Scanner
	state   live.State
	figures live.Figures
}

func watchedAt(t *testing.T, url string) *watched {
	t.Helper()
	res, err := http.Get(url + "/events")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	sc := bufio.NewScanner(res.Body)
	sc.Buffer(nil, 16<<20)
	return &watched{t: t, lines: sc}
}

// next takes the next state in, with the figures before it; false at the stream's end.
func (w *watched) next() bool {
	w.t.Helper()
	for event := ""; w.lines.Scan(); {
		line := w.lines.Text()
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			event = name
		}
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			continue
		}
		var into any = &w.figures
		if event == "state" {
			w.state, into = live.State{}, &w.state
		}
		if err := json.Unmarshal([]byte(data), into); err != nil {
			w.t.Fatal(err)
		}
		if event == "state" {
			return true
		}
	}
	return false
}

// last is the last value of a curve; false where there is none.
func (w *watched) last(chart, curve string) (float64, bool) {
	for _, c := range w.figures.Charts {
		for _, x := range c.Curves {
			if c.Title == chart && x.Name == curve && len(x.Values) > 0 && x.Values[len(x.Values)-1] != nil {
				return *x.Values[len(x.Values)-1], true
			}
		}
	}
	return 0, false
}

func (w *watched) fact(name string) string {
	if i := slices.IndexFunc(w.state.Facts, func(f live.Fact) bool { return f.Name == name }); i >= 0 {
		return w.state.Facts[i].Value
	}
	return ""
}

func TestWatchShowsAPlatformsCallsAndEndsWithIt(t *testing.T) {
	in, err := isolation.FindInterpreter(t.Context(), "nodejs")
	if err != nil {
		t.Skip(err)
	}
	url, platform, _ := listening(t, "serve", "--listen", "127.0.0.1:0", "--data", t.TempDir())
	page, watcher, _ := listening(t, "watch", url, "--listen", "127.0.0.1:0")
	c := lambdatest.Client(t, url)
	if _, err := c.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: aws.String("f"), Runtime: types.Runtime(in.Runtime), Handler: aws.String("index.handler"),
		Role: aws.String("arn:aws:iam::000000000000:role/any"),
		Code: &types.FunctionCode{ZipFile: lambdatest.Zip(t, "index.js", "exports.handler = async () => 1")},
	}); err != nil {
		t.Fatal(err)
	}
	w := watchedAt(t, page)
	for {
		if _, err := c.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f")}); err != nil {
			t.Fatal(err)
		}
		if !w.next() {
			t.Fatal("the page ended")
		}
		rate, ok := w.last("calls by path", "hot")
		_, latency := w.last("latency by path, median", "hot")
		if ok && rate > 0 && latency {
			break
		}
	}
	// Each name of a metric that the page relies on is one that the platform has.
	for _, name := range []string{"backend", "invocations", "functions", "waiting", "outcome ok", "sandboxes idle",
		"memory of the platform"} {
		if v := w.fact(name); v == "" || v == "0 B" {
			t.Errorf("no %q among %v", name, w.state.Facts)
		}
	}
	if _, ok := w.last("memory", "idle"); !ok {
		t.Errorf("no memory of idle sandboxes in %+v", w.figures.Charts)
	}
	if err := platform.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for w.next() {
	}
	if w.state.Ended == "" {
		t.Errorf("the last state is %+v", w.state)
	}
	if err := watcher.Wait(); err != nil {
		t.Errorf("watch ends with %v", err)
	}
}

func TestWatchFollowsARunToItsEndAndStandsBackForIt(t *testing.T) {
	if _, err := isolation.FindInterpreter(t.Context(), "nodejs"); err != nil {
		t.Skip(err)
	}
	out := filepath.Join(t.TempDir(), "run")
	suite := write(t, "suite: watched\nsettle: {busy: 1, wait: 0s}\nruntimes: [nodejs]\n"+
		"experiments:\n  deploy: {calls: 5, warmup: 1, paths: [hot], repeats: 3, budget: 6s}\n")
	run := prepared("run", suite, "--backends", "process", "--out", out)
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { run.Process.Kill(); run.Wait() })
	runtimetest.Eventually(t, "the run keeps its progress", func() bool {
		_, err := os.Stat(filepath.Join(out, record.ProgressFile))
		return err == nil
	})
	page, watcher, log := listening(t, "watch", out, "--listen", "127.0.0.1:0")
	attr, err := unix.SchedGetAttr(watcher.Process.Pid, 0)
	if err != nil || attr.Policy != unix.SCHED_IDLE {
		t.Errorf("scheduling policy %+v (%v), want SCHED_IDLE; %s", attr, err, log)
	}
	w := watchedAt(t, page)
	for w.next() {
	}
	p := w.state.Progress
	if w.state.Ended != "the run is complete" || p == nil || p.All < 3 || p.Done != p.All || p.Failed != 0 {
		t.Errorf("the last state is %+v, %+v", w.state, p)
	}
	if w.figures.Table == nil || !slices.ContainsFunc(w.figures.Table.Rows, func(r live.Row) bool {
		return slices.Contains(r.Cells, "latency") && len(r.Trials) == 3
	}) {
		t.Errorf("figures %+v", w.figures.Table)
	}
	if err := watcher.Wait(); err != nil {
		t.Errorf("watch ends with %v", err)
	}
	code, _, says := command(t, "watch", t.TempDir())
	if code != exitUsage || !strings.Contains(says, "no run folder") {
		t.Errorf("exit %d, %s", code, says)
	}
}
