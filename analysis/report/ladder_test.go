package report

import (
	"slices"
	"testing"
)

func TestTheLadderLeavesOutStepsThatStandAlone(t *testing.T) {
	all := []string{"none", "gc", "interpreter", "network", "network+interpreter", "network+interpreter+gc"}
	rungs, alone := ladder(all)
	want := []string{"none", "network", "network+interpreter", "network+interpreter+gc"}
	if !slices.Equal(rungs, want) {
		t.Errorf("rungs %v, want %v", rungs, want)
	}
	if want := []string{"gc", "interpreter"}; !slices.Equal(alone, want) {
		t.Errorf("alone %v, want %v", alone, want)
	}
}
