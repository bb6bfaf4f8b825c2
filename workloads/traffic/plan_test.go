package traffic_test

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat"

	"github.com/lambdabench/lambdabench/workloads/traffic"
)

// steady is a day of some minutes in which each of its functions makes n calls a minute.
func steady(t testing.TB, functions, minutes, n int) *traffic.Trace {
	t.Helper()
	calls, took := steadyFiles(functions, minutes, n)
	trace, err := readDay(calls, took, "", traffic.Window{})
	if err != nil {
		t.Fatal(err)
	}
	return trace
}

func steadyFiles(functions, minutes, n int) (invocations, took string) {
	var i, d strings.Builder
	i.WriteString(dayHeader(minutes))
	d.WriteString(durations[:strings.Index(durations, "\n")])
	for f := range functions {
		fmt.Fprintf(&i, "\no,a,f%d,http%s", f, strings.Repeat(fmt.Sprintf(",%d", n), minutes))
		fmt.Fprintf(&d, "\no,a,f%d,10,1,5,50,5,6,8,9,10,40,50", f)
	}
	return i.String(), d.String()
}

func dayHeader(minutes int) string {
	header := "HashOwner,HashApp,HashFunction,Trigger"
	for m := range minutes {
		header += fmt.Sprintf(",%d", m+1)
	}
	return header
}

func planned(t testing.TB, trace *traffic.Trace, o traffic.Options) *traffic.Plan {
	t.Helper()
	p, err := trace.Plan(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTheSpacingInsideAMinuteIsWhatWasAskedFor(t *testing.T) {
	trace := steady(t, 1, 1, 5000)
	for spacing, want := range map[traffic.Spacing]float64{
		traffic.Exponential: 1, traffic.Uniform: 1 / math.Sqrt(3), traffic.Equidistant: 0,
	} {
		var gaps []float64
		p := planned(t, trace, traffic.Options{Seed: 1, Spacing: spacing})
		for i := 1; i < len(p.Calls); i++ {
			gaps = append(gaps, (p.Calls[i].Due - p.Calls[i-1].Due).Seconds())
		}
		mean, deviation := stat.MeanStdDev(gaps, nil)
		if len(p.Calls) != 5000 || math.Abs(mean-0.012) > 1e-4 || math.Abs(deviation/mean-want) > 0.05 {
			t.Errorf("%s: %d calls, gaps of %.4f s, coefficient of variation %.3f, want %.3f", spacing, len(p.Calls),
				mean, deviation/mean, want)
		}
	}
}

func TestFunctionsOfOneCallAMinuteAreSpreadOverIt(t *testing.T) {
	trace := steady(t, 600, 3, 1)
	for _, spacing := range []traffic.Spacing{traffic.Exponential, traffic.Uniform, traffic.Equidistant} {
		p := planned(t, trace, traffic.Options{Seed: 2, Spacing: spacing})
		seconds := make([]int, 60)
		first := map[int32]time.Duration{}
		for _, c := range p.Calls {
			seconds[c.Due%time.Minute/time.Second]++
			if at, ok := first[c.Function]; spacing == traffic.Equidistant && ok && (c.Due-at)%time.Minute != 0 {
				t.Fatalf("function %d is due at %v and %v", c.Function, at, c.Due)
			}
			first[c.Function] = c.Due
		}
		if most := slices.Max(seconds); most > 75 { // 30 expected
			t.Errorf("%s: %d of 1,800 calls in one second of the minute", spacing, most)
		}
	}
}

func TestAPlanFollowsItsSeedAndAFunctionsCallsFollowNoOtherFunction(t *testing.T) {
	trace := steady(t, 20, 3, 7)
	all := planned(t, trace, traffic.Options{Seed: 3})
	if again := planned(t, trace, traffic.Options{Seed: 3}); !slices.Equal(all.Calls, again.Calls) {
		t.Error("two plans with one seed differ")
	}
	if other := planned(t, trace, traffic.Options{Seed: 4}); slices.Equal(all.Calls, other.Calls) {
		t.Error("another seed gives the same plan")
	}
	half, _, err := trace.Thin(10, 1)
	if err != nil {
		t.Fatal(err)
	}
	due := map[string][]time.Duration{}
	for _, c := range all.Calls {
		name := trace.Functions[c.Function].Name
		due[name] = append(due[name], c.Due)
	}
	thinned := map[string][]time.Duration{}
	for _, c := range planned(t, half, traffic.Options{Seed: 3}).Calls {
		name := half.Functions[c.Function].Name
		thinned[name] = append(thinned[name], c.Due)
	}
	for name, at := range thinned {
		if !slices.Equal(at, due[name]) {
			t.Errorf("%s is called at other times in the sample", name)
		}
	}
	if len(thinned) != 10 {
		t.Errorf("%d functions in the sample", len(thinned))
	}
}

func TestATraceCutOffByItsBudgetSaysSo(t *testing.T) {
	trace := steady(t, 10, 10, 10)
	for _, c := range []struct {
		o    traffic.Options
		n    int
		want string
	}{
		{traffic.Options{}, 1000, ""},
		{traffic.Options{Calls: 1000}, 1000, ""},
		{traffic.Options{Calls: 400}, 400, "cut off by its budget of 400 calls: 400 of 1000 calls are made (40 %)"},
		{traffic.Options{For: 3 * time.Minute}, 300, "cut off by its budget of 3m0s: 300 of 1000 calls"},
		{traffic.Options{Squeeze: 2, For: 150 * time.Second}, 500, "squeezed 2 times; the trace is cut off"},
	} {
		p := planned(t, trace, c.o)
		if len(p.Calls) != c.n || !strings.Contains(p.String(), c.want) || (c.want == "") != (p.Cut == "") {
			t.Errorf("%+v: %v, want %d calls and %q", c.o, p, c.n, c.want)
		}
		if _, more := p.Due(0, c.n); more {
			t.Error("a call after the last")
		}
	}
	for _, o := range []traffic.Options{{Calls: -1}, {Squeeze: 0.5}, {Squeeze: math.NaN()}, {Spacing: "lumpy"}} {
		if _, err := trace.Plan(o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}

// The benchmarks read and plan 1,000,000 calls. peak-MB is the process's.
func BenchmarkAMillionCallsOfADay(b *testing.B) {
	million(b, func(w io.Writer) {
		io.WriteString(w, dayHeader(1000))
		for f := range 1000 {
			fmt.Fprintf(w, "\no,a,f%d,http%s", f, strings.Repeat(",1", 1000))
		}
	}, func(r io.Reader) (*traffic.Trace, error) {
		_, took := steadyFiles(1000, 0, 0)
		return traffic.ReadDay(traffic.DayFiles{Invocations: traffic.File{Name: "calls.csv", Reader: r},
			Durations: traffic.File{Name: "durations.csv", Reader: strings.NewReader(took)}}, traffic.Window{})
	})
}

func BenchmarkAMillionCallsOfALog(b *testing.B) {
	million(b, func(w io.Writer) {
		io.WriteString(w, "app,func,end_timestamp,duration\n")
		for i := range 1_000_000 {
			fmt.Fprintf(w, "%064x,%064x,%d.%06d,0.%03d\n", i%400, i%2000, i/10, i*7919%1_000_000, i%1000)
		}
	}, func(r io.Reader) (*traffic.Trace, error) {
		return traffic.ReadLog(traffic.File{Name: "log.csv", Reader: r}, traffic.Window{})
	})
}

// million reads a file that is made while it is read, so that it takes no memory.
func million(b *testing.B, write func(io.Writer), read func(io.Reader) (*traffic.Trace, error)) {
	b.ReportAllocs()
	for b.Loop() {
		r, w := io.Pipe()
		go func() {
			out := bufio.NewWriterSize(w, 1<<20)
			write(out)
			w.CloseWithError(out.Flush())
		}()
		trace, err := read(r)
		r.Close()
		if err != nil {
			b.Fatal(err)
		}
		if p := planned(b, trace, traffic.Options{}); len(p.Calls) != 1_000_000 {
			b.Fatalf("%v", p)
		}
	}
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(usage.Maxrss)/1024, "peak-MB")
}
