package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestATraceIsMadeSampledAndDescribed(t *testing.T) {
	day, small := filepath.Join(t.TempDir(), "day"), filepath.Join(t.TempDir(), "small")
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"make", day, "--functions", "60", "--minutes", "120", "--popular", "1e4"},
			[]string{"synthetic: drawn from", "60 in ", "2h0m0s"}},
		{[]string{"sample", day, small, "--functions", "20"},
			[]string{"a sample of 20 of 60 functions, seed 1; distance to the whole (KS of durations): 0."}},
		{[]string{"describe", small, "--from", "1h", "--for", "1h", "--calls", "3"},
			[]string{"synthetic: drawn from", "1h0m0s", "cut off by its budget of 3 calls: 3 of "}},
	} {
		code, stdout, stderr := command(t, append([]string{"traces"}, c.args...)...)
		for _, want := range c.want {
			if code != exitOK || !strings.Contains(stdout, want) {
				t.Errorf("traces %v: exit code %d, no %q in:\n%s%s", c.args, code, want, stdout, stderr)
			}
		}
	}
}

func TestAWrongUseOfTracesIsToldFromAFault(t *testing.T) {
	day := filepath.Join(t.TempDir(), "day")
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"make", day, "--functions", "0"}, exitUsage, "0 functions; want 1 to"},
		{[]string{"describe", day}, exitFailed, "no such file"},
		{[]string{"make"}, exitUsage, "accepts 1 arg"},
	} {
		if code, _, stderr := command(t, append([]string{"traces"}, c.args...)...); code != c.code ||
			!strings.Contains(stderr, c.want) {
			t.Errorf("traces %v: exit code %d, %s; want %d and %q", c.args, code, stderr, c.code, c.want)
		}
	}
}
