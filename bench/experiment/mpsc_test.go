package experiment

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
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

func TestATraceWithoutAUsableFileIsRefusedWithItsReason(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.csv")
	if err := os.WriteFile(bad, []byte("0,user,f,3\n0,user\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{"": "name a file", "/nowhere/x": "no such file", bad: "line 2"} {
		x := newTrace()
		x.File = file
		if err := x.Check(); err == nil || !strings.Contains(err.Error(), "file") ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", file, err)
		}
	}
}
