package experiment

import (
	"slices"
	"testing"
	"time"
)

func TestTheEdgesTimetableIsTheSeedsAndIsBadForItsShare(t *testing.T) {
	const until = 1000 * time.Second
	a, b, c := newTimetable(3, time.Second, 0.35, until), newTimetable(3, time.Second, 0.35, until),
		newTimetable(4, time.Second, 0.35, until)
	if !slices.Equal(a, b) || slices.Equal(a, c) {
		t.Error("the timetable is not the seed's")
	}
	bad, n := 0, 0
	for at := time.Duration(0); at < until; at += 10 * time.Millisecond {
		if n++; a.bad(at) {
			bad++
		}
	}
	if share := float64(bad) / float64(n); a.bad(0) || share < 0.32 || share > 0.38 {
		t.Errorf("bad for %.3f of the time, bad at the start: %v", share, a.bad(0))
	}
}
