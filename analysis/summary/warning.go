package summary

import (
	"fmt"
	"slices"
	"strings"
)

// Warning tells a reader of a figure what speaks against the figure. It begins with its
// kind: "noisy: interval wider than 10 %".
type Warning string

// Kinds of warnings.
const (
	WarnNoisy        = "noisy"
	WarnTooFew       = "too few samples"
	WarnErrors       = "errors"
	WarnLoad         = "load before the run"
	WarnDirty        = "dirty tree"
	WarnSampled      = "memory is sampled"
	WarnSingleTrial  = "single trial"
	WarnLittleMemory = "little memory"
	WarnFewTrials    = "few trials"
	WarnStrays       = "other paths"
	WarnStopped      = "stopped early"
	WarnInvalid      = "invalid values"
	WarnIncomplete   = "incomplete"
	WarnEmpty        = "no records"

	WarnTooFew99  = WarnTooFew + " for p99"
	WarnTooFew999 = WarnTooFew + " for p99.9"
)

// Warn is a warning of a kind.
func Warn(kind, format string, args ...any) Warning {
	return Warning(kind + ": " + fmt.Sprintf(format, args...))
}

// Kind is the part before the colon.
func (w Warning) Kind() string {
	kind, _, _ := strings.Cut(string(w), ":")
	return kind
}

// warned reports whether a result has a warning of one of some kinds.
func (r *Result) warned(kinds ...string) bool {
	return slices.ContainsFunc(r.Warnings, func(w Warning) bool { return slices.Contains(kinds, w.Kind()) })
}
