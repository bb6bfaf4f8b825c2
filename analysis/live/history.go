package live

import (
	"iter"
	"maps"
	"math"
	"slices"
)

// kept is the number of looks that a chart shows: five minutes.
const kept = 300

// history is the curves of a platform, chart by chart.
type history struct {
	all []*track
}

// track is one chart. Its curves have as many values as there were looks, at most kept.
type track struct {
	title, unit string
	looks       int
	values      map[string][]*float64
}

// add takes what changed between two scrapes.
func (h *history) add(before, now *scrape) {
	seconds := now.at.Sub(before.at).Seconds()
	if !(seconds > 0) {
		return
	}
	h.track("calls by path", "1/s").add(rates(before.by(metricInvocations, "path"), now.by(metricInvocations, "path"),
		seconds))
	for _, q := range []struct {
		title string
		share float64
	}{{"latency by path, median", 0.5}, {"latency by path, p99", 0.99}} {
		h.track(q.title, "ms").add(quantiles(before.buckets(metricLatency, "path"), now.buckets(metricLatency, "path"),
			q.share))
	}
	h.track("sandboxes by state", "").add(now.by(metricSandboxes, "state"))
	memory := now.by(metricCacheBytes, "cache")
	memory["platform"] = now.sum(metricResident)
	for k := range memory {
		memory[k] /= 1e6
	}
	h.track("memory", "MB").add(memory)
	h.track("calls that did not run", "1/s").add(rates(before.by(metricRefusals, "reason"),
		now.by(metricRefusals, "reason"), seconds))
}

func (h *history) track(title, unit string) *track {
	for _, t := range h.all {
		if t.title == title {
			return t
		}
	}
	t := &track{title: title, unit: unit, values: map[string][]*float64{}}
	h.all = append(h.all, t)
	return t
}

// add appends a value to every curve, and a gap to those that have none now.
func (t *track) add(values map[string]float64) {
	for name := range values {
		if _, ok := t.values[name]; !ok {
			t.values[name] = make([]*float64, t.looks)
		}
	}
	for name, curve := range t.values {
		var next *float64
		if v, ok := values[name]; ok && !math.IsNaN(v) && !math.IsInf(v, 0) {
			next = &v
		}
		t.values[name] = append(curve[max(0, len(curve)+1-kept):], next)
	}
	t.looks = min(t.looks+1, kept)
}

func (h *history) charts() []Chart {
	var all []Chart
	for _, t := range h.all {
		c := Chart{Title: t.title, Unit: t.unit}
		for name, values := range sorted(t.values) {
			c.Curves = append(c.Curves, Curve{name, slices.Clone(values)})
		}
		if len(c.Curves) > 0 {
			all = append(all, c)
		}
	}
	return all
}

// rates are the increases of counters a second. A counter that fell is of a platform that was
// started again.
func rates(before, now map[string]float64, seconds float64) map[string]float64 {
	all := map[string]float64{}
	for name, v := range now {
		all[name] = max(0, v-before[name]) / seconds
	}
	return all
}

// quantiles are those of the calls between two scrapes in ms, by the buckets' bounds: a value
// lies on the line between the bounds of its bucket, as in Prometheus' histogram_quantile.
func quantiles(before, now map[string]map[float64]float64, share float64) map[string]float64 {
	all := map[string]float64{}
	for name, buckets := range now {
		bounds := slices.Sorted(maps.Keys(buckets))
		counts := make([]float64, len(bounds))
		for i, b := range bounds {
			counts[i] = buckets[b] - before[name][b]
		}
		if n := len(counts); n > 0 && counts[n-1] > 0 {
			all[name] = 1e3 * quantile(bounds, counts, share)
		}
	}
	return all
}

func quantile(bounds, counts []float64, share float64) float64 {
	want := share * counts[len(counts)-1]
	low, below := 0.0, 0.0
	for i, b := range bounds {
		if counts[i] >= want {
			if math.IsInf(b, 1) {
				return low
			}
			return low + (b-low)*(want-below)/(counts[i]-below)
		}
		low, below = b, counts[i]
	}
	return low
}

// sorted goes through a map by key.
func sorted[V any](of map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, k := range slices.Sorted(maps.Keys(of)) {
			if !yield(k, of[k]) {
				return
			}
		}
	}
}
