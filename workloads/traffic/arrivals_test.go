package traffic_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/lambdabench/lambdabench/workloads"
	"github.com/lambdabench/lambdabench/workloads/traffic"
)

const ms = time.Millisecond

// due are the first n arrivals of a configuration in YAML.
func due(t *testing.T, config string, n int) (all []time.Duration, pacer workloads.Pacer) {
	t.Helper()
	var a traffic.Arrivals
	if err := yaml.Unmarshal([]byte(config), &a); err != nil {
		t.Fatal(err)
	}
	pacer, err := a.Pacer(1)
	if err != nil {
		t.Fatalf("%s: %v", config, err)
	}
	for i := range n {
		at, ok := pacer.Due(0, i)
		if !ok {
			break
		}
		all = append(all, at)
	}
	return all, pacer
}

func TestArrivalsByConfiguration(t *testing.T) {
	for config, want := range map[string][]time.Duration{
		"{kind: constant, rate: 100, for: 30ms}":                         {10 * ms, 20 * ms, 30 * ms},
		"{kind: on/off, rate: 100, on: 20ms, off: 100ms, for: 130ms}":    {10 * ms, 20 * ms, 130 * ms},
		"{kind: gaps, list: [5ms, 0s, 20ms], for: 40ms}":                 {5 * ms, 5 * ms, 25 * ms, 30 * ms, 30 * ms},
		"{kind: bursts, sizes: [1, 3], every: 10s, for: 30s}":            {1e10, 2e10, 2e10, 2e10, 3e10},
		"{kind: ramp, rate: 0, to: 200, for: 100ms}":                     nil, // below
		"{kind: poisson, rate: 1000, for: 10s}":                          nil,
		"{kind: bursts, sizes: [2], every: 1ms, for: 10s, random: true}": nil,
	} {
		if got, _ := due(t, config, 100); want != nil && !slices.Equal(got, want) {
			t.Errorf("%s: due at %v, want %v", config, got, want)
		}
	}
	if got, _ := due(t, "{kind: ramp, rate: 0, to: 200, for: 100ms}", 100); len(got) != 10 || got[9] != 100*ms ||
		got[1]-got[0] <= got[9]-got[8] {
		t.Errorf("a ramp is due at %v", got)
	}
	if got, _ := due(t, "{kind: poisson, rate: 1000, for: 10s}", 1e6); math.Abs(float64(len(got))-1e4) > 400 {
		t.Errorf("%d calls of 10,000", len(got))
	}
	got, _ := due(t, "{kind: bursts, sizes: [2], every: 1ms, for: 10s, random: true}", 1e6)
	if len(got)%2 != 0 || math.Abs(float64(len(got))-2e4) > 800 || got[0] != got[1] {
		t.Errorf("%d calls in bursts of two, the first due at %v", len(got), got[:4])
	}
}

func TestArrivalsThatMakeNoSenseAreRefusedWithTheRemedy(t *testing.T) {
	for config, want := range map[string]string{
		"{kind: poisson, rate: 1}":                          "for is 0s",
		"{kind: tide, for: 1s}":                             `no kind "tide"; want constant, poisson, on/off`,
		"{kind: constant, for: 1s}":                         "give a rate above 0",
		"{kind: poisson, rate: .nan, for: 1s}":              "numbers from 0 on",
		"{kind: constant, rate: .inf, for: 1s}":             "give a rate above 0",
		"{kind: poisson, rate: 1e9, for: 1h}":               "at most 10000000",
		"{kind: ramp, rate: 5, to: -5, for: 1s}":            "numbers from 0 on",
		"{kind: on/off, rate: 1, for: 1s}":                  "on 0s",
		"{kind: on/off, rate: 1, on: 1ns, for: 1h}":         "on 1ns",
		"{kind: gaps, list: [0s], for: 1s}":                 "no time in it",
		"{kind: gaps, list: [1s, -1s], for: 1s}":            "gap 2",
		"{kind: gaps, list: [1ns], for: 1h}":                "at most",
		"{kind: bursts, sizes: [1, 0], every: 1s, for: 1s}": "sizes from 1 on",
		"{kind: bursts, sizes: [1], for: 1s}":               "every 0s",
	} {
		var a traffic.Arrivals
		if err := yaml.Unmarshal([]byte(config), &a); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Pacer(1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", config, err, want)
		}
	}
}
