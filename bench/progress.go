package bench

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// Progress is told how a run goes.
type Progress interface {
	Begin(trials, done int, limit time.Duration) // limit is the sum of what the open trials should take
	Trial(t Trial)                               // begins; t.Limit is the planned one
	Done(t Trial, took time.Duration, err error) // is recorded, or failed
	End()
}

// NewProgress shows a bar with the time left on a terminal, and one line a
// trial elsewhere.
func NewProgress(out *os.File) Progress {
	if isatty.IsTerminal(out.Fd()) {
		return &bar{out: out}
	}
	return &lines{out: out}
}

type silent struct{}

func (silent) Begin(int, int, time.Duration)    {}
func (silent) Trial(Trial)                      {}
func (silent) Done(Trial, time.Duration, error) {}
func (silent) End()                             {}

// estimate guesses the time left from the limits of the trials to come, and
// from how the limits of those that are done compared with the truth.
type estimate struct {
	todo, done time.Duration // sums of limits
	took       time.Duration
}

func (e *estimate) add(t Trial, took time.Duration) {
	e.todo, e.done, e.took = e.todo-t.Limit, e.done+t.Limit, e.took+took
}

func (e *estimate) left() time.Duration {
	if e.done == 0 {
		return e.todo.Round(time.Second)
	}
	return time.Duration(float64(e.todo) * float64(e.took) / float64(e.done)).Round(time.Second)
}

// outlook says before a run begins how long the run takes.
func outlook(trials, done int, limit time.Duration) string {
	return fmt.Sprintf("%d trials, %d of them done; the budgets of the others add up to %v, and each takes a second "+
		"or two to start and to close", trials, done, limit.Round(time.Second))
}

// lines is progress for logs.
type lines struct {
	out      io.Writer
	estimate estimate
	n, all   int
}

func (l *lines) Begin(trials, done int, limit time.Duration) {
	l.n, l.all, l.estimate.todo = done, trials, limit
	fmt.Fprintln(l.out, outlook(trials, done, limit))
}

func (l *lines) Trial(Trial) {}

func (l *lines) Done(t Trial, took time.Duration, err error) {
	l.n++
	l.estimate.add(t, took)
	if err != nil {
		fmt.Fprintf(l.out, "[%d/%d] failed: %v\n", l.n, l.all, err)
		return
	}
	fmt.Fprintf(l.out, "[%d/%d] %v: %v, %v left\n", l.n, l.all, t, took.Round(time.Millisecond), l.estimate.left())
}

func (l *lines) End() {}

// bar is progress for a terminal.
type bar struct {
	out      io.Writer
	estimate estimate
	now      string
	p        *mpb.Progress
	b        *mpb.Bar

	mu   sync.Mutex
	text string // right of the bar, which is drawn by mpb's goroutine
}

func (b *bar) Begin(trials, done int, limit time.Duration) {
	b.estimate.todo = limit
	fmt.Fprintln(b.out, outlook(trials, done, limit))
	b.say()
	b.p = mpb.New(mpb.WithOutput(b.out), mpb.WithWidth(32))
	b.b = b.p.AddBar(int64(trials),
		mpb.PrependDecorators(decor.CountersNoUnit("%d/%d ")),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			b.mu.Lock()
			defer b.mu.Unlock()
			return b.text
		})))
	b.b.SetCurrent(int64(done))
}

func (b *bar) say() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text = fmt.Sprintf("%v left  %s", b.estimate.left(), b.now)
}

func (b *bar) Trial(t Trial) {
	b.now = t.String()
	b.say()
}

func (b *bar) Done(t Trial, took time.Duration, err error) {
	b.estimate.add(t, took)
	if err != nil {
		fmt.Fprintf(b.p, "failed: %v\n", err)
	}
	b.say()
	b.b.Increment()
}

func (b *bar) End() {
	b.b.Abort(false)
	b.p.Wait()
}
