package report

import (
	"strings"

	"github.com/lambdabench/lambdabench/analysis/record"
)

// ladder parts the values of LabelAO, which come with the fewest steps first: rungs are
// those of which each has one step more than the one before, up to the longest; alone are
// the others.
func ladder(values []string) (rungs, alone []string) {
	if len(values) == 0 {
		return nil, nil
	}
	longest := values[len(values)-1]
	for _, v := range values {
		if v == record.AONone || v == longest || strings.HasPrefix(longest, v+record.AOSeparator) {
			rungs = append(rungs, v)
		} else {
			alone = append(alone, v)
		}
	}
	return rungs, alone
}
