package traffic

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"sort"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"gonum.org/v1/gonum/stat"
)

// Description is the statistics of a trace, in the terms of 'Serverless in the Wild'.
type Description struct {
	Functions, Apps int
	Calls           int64
	Length          time.Duration
	Busiest         int64   // calls in the busiest minute
	Busy            float64 // processors that the calls keep busy on average

	// Of the functions by their mean rate.
	Hourly, Minutely float64 // shares that are called at most once an hour, once a minute
	Decades          float64 // from the least to the most popular
	PopularCalls     float64 // share of the calls that the most popular 18.6 % make
	Popular          float64 // the 18.6 %, or what comes nearest with whole functions
	LnMean, LnStdDev float64 // of the functions' mean durations, ln seconds
	MedianDuration   time.Duration
	CallBelowASecond float64 // share of the calls of functions whose mean is below a second
	MedianMemory     float64 // MB, of apps; 0 where the trace does not say
	NinetiethMemory  float64
	Triggers         []TriggerCount
	Header           string
	Notes            []string
	meanless         int // functions whose mean is 0, which are not in LnMean
}

// TriggerCount is a trigger's part of a trace.
type TriggerCount struct {
	Name             string
	Functions, Calls float64 // shares
}

// Describe computes the statistics of a trace. Every function of a trace has a call.
func (tr *Trace) Describe() Description {
	d := Description{Functions: len(tr.Functions), Calls: tr.Asked(), Length: tr.Length, Header: tr.Header,
		Notes: tr.Notes, Busiest: tr.busiest()}
	d.popularity(tr)
	d.durations(tr)
	d.memory(tr)
	d.triggers(tr)
	return d
}

// busiest is the calls in the busiest minute.
func (tr *Trace) busiest() int64 {
	perMinute := map[int]int64{}
	for _, c := range tr.calls {
		perMinute[int(c.Due/time.Minute)]++
	}
	for i := range tr.Functions {
		for _, m := range tr.Functions[i].minutes {
			perMinute[int(m.number)] += int64(m.calls)
		}
	}
	most := int64(0)
	for _, n := range perMinute {
		most = max(most, n)
	}
	return most
}

// published is the share of the most popular apps of which the paper gives the share of calls.
const published = 0.186

func (d *Description) popularity(tr *Trace) {
	calls := make([]int64, len(tr.Functions))
	for i := range tr.Functions {
		calls[i] = tr.Functions[i].Calls
	}
	slices.Sort(calls)
	n := float64(len(calls))
	atMost := func(limit float64) float64 {
		return float64(sort.Search(len(calls), func(i int) bool { return float64(calls[i]) > limit })) / n
	}
	d.Hourly, d.Minutely = atMost(tr.Length.Hours()), atMost(tr.Length.Minutes())
	d.Decades = math.Log10(float64(calls[len(calls)-1]) / float64(calls[0]))
	top := min(len(calls), max(1, int(math.Round(published*n))))
	made := int64(0)
	for _, c := range calls[len(calls)-top:] {
		made += c
	}
	d.Popular, d.PopularCalls = float64(top)/n, float64(made)/float64(d.Calls)
}

func (d *Description) durations(tr *Trace) {
	var ln, means []float64
	short := int64(0)
	for i := range tr.Functions {
		f := &tr.Functions[i]
		d.Busy += float64(f.Calls) * f.Mean.Seconds() / tr.Length.Seconds()
		if f.Mean < time.Second {
			short += f.Calls
		}
		means = append(means, f.Mean.Seconds())
		if f.Mean > 0 {
			ln = append(ln, math.Log(f.Mean.Seconds()))
		} else {
			d.meanless++
		}
	}
	slices.Sort(means)
	d.MedianDuration = seconds(stat.Quantile(0.5, stat.Empirical, means, nil))
	d.CallBelowASecond = float64(short) / float64(d.Calls)
	if len(ln) > 0 {
		d.LnMean, d.LnStdDev = stat.MeanStdDev(ln, nil)
	}
}

func (d *Description) memory(tr *Trace) {
	seen := map[string]bool{}
	var all []float64
	for i := range tr.Functions {
		f := &tr.Functions[i]
		app := f.Owner + "/" + f.App
		if !seen[app] && f.MeanMemory > 0 {
			all = append(all, f.MeanMemory)
		}
		seen[app] = true
	}
	d.Apps = len(seen)
	if len(all) > 0 {
		slices.Sort(all)
		d.MedianMemory = stat.Quantile(0.5, stat.Empirical, all, nil)
		d.NinetiethMemory = stat.Quantile(0.9, stat.Empirical, all, nil)
	}
}

func (d *Description) triggers(tr *Trace) {
	at := map[string]int{}
	for i := range tr.Functions {
		f := &tr.Functions[i]
		k, ok := at[f.Trigger]
		if !ok {
			k = len(d.Triggers)
			at[f.Trigger] = k
			d.Triggers = append(d.Triggers, TriggerCount{Name: f.Trigger})
		}
		d.Triggers[k].Functions += 1 / float64(d.Functions)
		d.Triggers[k].Calls += float64(f.Calls) / float64(d.Calls)
	}
	slices.SortStableFunc(d.Triggers, func(a, b TriggerCount) int {
		return cmp.Compare(b.Functions, a.Functions)
	})
}

// Write prints the statistics, each beside the published one where there is one.
func (d Description) Write(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(what, format string, args ...any) { fmt.Fprintf(w, "%s\t%s\n", what, fmt.Sprintf(format, args...)) }
	if d.Header != "" {
		line("header", "%s", d.Header)
	}
	line("covers", "%v", d.Length.Round(time.Second))
	line("functions", "%s in %s apps", humanize.Comma(int64(d.Functions)), humanize.Comma(int64(d.Apps)))
	line("calls", "%s: %.4g/s on average, %s in the busiest minute", humanize.Comma(d.Calls),
		float64(d.Calls)/d.Length.Seconds(), humanize.Comma(d.Busiest))
	line("processors busy", "%.4g on average", d.Busy)
	line("at most once an hour", "%.1f %% of the functions (published: 45)", 100*d.Hourly)
	line("at most once a minute", "%.1f %% of the functions (published: 81)", 100*d.Minutely)
	line("popularity", "%.1f decades; the most popular %.1f %% make %.2f %% of the calls (published: 8; 18.6 make "+
		"99.6)", d.Decades, 100*d.Popular, 100*d.PopularCalls)
	line("mean duration", "ln seconds: mean %.2f, deviation %.2f (published: -0.38, 2.36); median %v", d.LnMean,
		d.LnStdDev, d.MedianDuration.Round(10*time.Microsecond))
	line("functions below 1 s", "make %.1f %% of the calls", 100*d.CallBelowASecond)
	if d.meanless > 0 {
		line("mean duration 0", "%d functions, not in the logarithm", d.meanless)
	}
	if d.MedianMemory > 0 {
		line("memory of an app", "median %.0f MB, 90 %% at most %.0f MB (published fit: %.0f, %.0f)", d.MedianMemory,
			d.NinetiethMemory, burr(0.5), burr(0.9))
	}
	for _, t := range d.Triggers {
		if t.Name != "" {
			line("trigger "+t.Name, "%.1f %% of the functions, %.1f %% of the calls", 100*t.Functions, 100*t.Calls)
		}
	}
	for _, n := range d.Notes {
		line("left out", "%s", n)
	}
	return w.Flush()
}
