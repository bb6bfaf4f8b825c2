package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// brief is a run in a few lines.
type brief struct {
	run      string   // which run it is
	found    []string // the claims of the paper that are shown, and gains over the baseline
	notShown []string // the other claims
	distrust []string // warnings, those of the run first, then kinds by the series that have them
}

func briefOf(s *summary.Summary) brief {
	b := brief{run: briefRun(s), distrust: briefWarnings(s)}
	var unmeasured []string
	for _, f := range Shape(s) {
		switch f.Verdict.Kind() {
		case Shown:
			b.found = append(b.found, f.short())
		case NotMeasured:
			name, _, _ := strings.Cut(f.Claim, ":")
			unmeasured = append(unmeasured, strings.ToLower(name))
		default:
			b.notShown = append(b.notShown, f.short())
		}
	}
	b.found = append(b.found, briefGains(s)...)
	if len(unmeasured) > 0 {
		b.notShown = append(b.notShown, "not measured: "+strings.Join(unmeasured, ", "))
	}
	return b
}

// short is the claim with the reason of its verdict or, where there is none, with the number
// of comparisons in which it holds.
func (f Finding) short() string {
	claim, _, _ := strings.Cut(f.Claim, ";")
	claim = strings.ToLower(claim[:1]) + claim[1:]
	if _, reason, ok := strings.Cut(string(f.Verdict), ": "); ok {
		return claim + " (" + reason + ")"
	}
	holds, all := 0, 0
	for _, e := range f.Evidence {
		switch {
		case strings.HasSuffix(e, ": "+yes):
			holds, all = holds+1, all+1
		case strings.HasSuffix(e, ": "+no):
			all++
		}
	}
	if all == 0 {
		return claim
	}
	return fmt.Sprintf("%s (%d of %d)", claim, holds, all)
}

func briefRun(s *summary.Summary) string {
	text := fmt.Sprintf("run %s: %s trials", s.Run.Name, trialCount(s))
	if s.Machine.Cores > 0 {
		text += fmt.Sprintf(", %d cores", s.Machine.Cores)
	}
	if !s.Machine.Date.IsZero() {
		text += ", " + s.Machine.Date.UTC().Format("2006-01-02")
	}
	return text
}

// briefGains compare each backend with the baseline: one cold call, the memory of an instance,
// the rate at which instances are made, each from the runtime that gains least to the one that
// gains most; the backend that gains most comes first.
func briefGains(s *summary.Summary) []string {
	type line struct {
		text string
		most float64
	}
	var all []line
	for _, backend := range s.Backends() {
		if backend == s.Baseline() {
			continue
		}
		var parts []string
		most := 0.0
		for _, x := range []struct {
			name  string
			query summary.Query
			less  bool
		}{
			{"cold call", summary.Query{Experiment: record.ExperimentDeploy, Path: record.PathCold,
				Metric: summary.MetricLatency}, true},
			{"memory", summary.Query{Experiment: record.ExperimentDensity, Metric: record.MetricBytesPerInstance},
				true},
			{"creations", summary.Query{Experiment: record.ExperimentDensity, Metric: record.MetricCreationRate},
				false},
		} {
			if g, high := gains(s, x.query, backend, x.less); high > 0 {
				parts, most = append(parts, x.name+" "+g), math.Max(most, high)
			}
		}
		if len(parts) > 0 {
			all = append(all, line{fmt.Sprintf("gain of %s over %s: %s", backend, s.Baseline(),
				strings.Join(parts, ", ")), most})
		}
	}
	slices.SortStableFunc(all, func(a, b line) int { return cmp.Compare(b.most, a.most) })
	var texts []string
	for _, l := range all {
		texts = append(texts, l.text)
	}
	return texts
}

// gains are the least and the greatest bound of the gains of a backend over the baseline, among
// the runtimes and labels that both have; 0 where there is none.
func gains(s *summary.Summary, q summary.Query, backend string, less bool) (text string, high float64) {
	q.Backend = backend
	low := math.Inf(1)
	for _, r := range s.Find(q) {
		base := baseOf(s, r)
		if g, ok := ratio(r, base, less); ok {
			low, high = math.Min(low, g.Low), math.Max(high, g.High)
		}
	}
	if number(low) == number(high) {
		return times(low), high
	}
	return number(low) + "–" + times(high), high
}

func briefWarnings(s *summary.Summary) []string {
	var all []string
	for _, w := range s.Warnings() {
		all = append(all, string(w))
	}
	kinds, n := warningKinds(s)
	names := slices.SortedFunc(maps.Keys(kinds), func(a, b string) int {
		return cmp.Or(cmp.Compare(kinds[b], kinds[a]), cmp.Compare(a, b))
	})
	for _, k := range names {
		all = append(all, fmt.Sprintf("%d of %d series: %s", kinds[k], n, k))
	}
	return all
}

// The lines of a brief: one for the run and three a part.
const (
	briefPartLines = 3
	briefWidth     = 100 // where the terminal has no bound
	briefName      = 10  // letters of a part's name, the space behind it included
)

// Text writes the brief in at most ten lines.
func (b brief) Text(w io.Writer, width int) error {
	if width <= 0 {
		width = briefWidth
	}
	var text strings.Builder
	text.WriteString(firstLines(b.run, 1, width))
	for _, part := range []struct {
		name  string
		items []string
	}{{"found", b.found}, {"not shown", b.notShown}, {"distrust", b.distrust}} {
		if len(part.items) == 0 {
			part.items = []string{"nothing"}
		}
		body := join(part.items, briefPartLines, width-briefName)
		text.WriteString(fmt.Sprintf("%-*s", briefName, part.name) +
			strings.ReplaceAll(body, "\n", "\n"+strings.Repeat(" ", briefName)) + "\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// join puts together as many items as so many lines of a width hold, and tells how many more
// there are.
func join(items []string, lines, width int) string {
	for n := len(items); n > 0; n-- {
		text := strings.Join(items[:n], "; ")
		if n < len(items) {
			text += fmt.Sprintf("; and %d more", len(items)-n)
		}
		if text = wrap(text, width); strings.Count(text, "\n") < lines {
			return text
		}
	}
	return strings.TrimSuffix(firstLines(items[0], lines, width), "\n")
}

// firstLines is a text cut off after so many lines.
func firstLines(text string, lines, width int) string {
	all := strings.Split(wrap(text, width), "\n")
	return strings.Join(all[:min(lines, len(all))], "\n") + "\n"
}

// Markdown is the brief in two lines, without what to distrust.
func (b brief) Markdown() string {
	line := func(items []string) string {
		if len(items) == 0 {
			items = []string{"nothing"}
		}
		return strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(strings.Join(items, "; ")) + "."
	}
	return "**Found:** " + line(b.found) + "\\\n**Not shown:** " + line(b.notShown)
}
