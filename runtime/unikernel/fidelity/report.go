package fidelity

import (
	"fmt"
	"io"
)

// Report compares the two sides.
type Report struct {
	Compared, Passed     int
	Forked, NotOnProcess int      // left out: needs fork or exec; does not pass as a process
	Lost                 []Result // pass as a process, and in a UC do not
}

// Compare counts the tests that pass as a process and fork nothing, and how
// many of them pass in a UC.
func Compare(process, uc []Result) Report {
	in := map[string][]Result{} // a suite may have several tests of one name
	for _, r := range uc {
		key := r.Unit + " " + r.Test
		in[key] = append(in[key], r)
	}
	var rep Report
	for _, p := range process {
		key := p.Unit + " " + p.Test
		got := Result{Unit: p.Unit, Test: p.Test, Outcome: Fail,
			Why: "no result: a fixture failed, or the module is not there"}
		if len(in[key]) > 0 {
			got, in[key] = in[key][0], in[key][1:]
		}
		switch {
		case p.Forked:
			rep.Forked++
		case p.Outcome != Pass:
			rep.NotOnProcess++
		case got.Outcome == Pass:
			rep.Compared++
			rep.Passed++
		default:
			rep.Compared++
			rep.Lost = append(rep.Lost, got)
		}
	}
	return rep
}

// Percent of the compared tests that pass in a UC.
func (r Report) Percent() float64 {
	if r.Compared == 0 {
		return 0
	}
	return 100 * float64(r.Passed) / float64(r.Compared)
}

// WriteTo writes the lost tests and the sums.
func (r Report) WriteTo(w io.Writer) (int64, error) {
	var n int64
	hangs := 0
	for _, l := range r.Lost {
		if l.Outcome == Hang {
			hangs++
		}
		k, err := fmt.Fprintf(w, "%-4s  %s  %s\n      %s\n", l.Outcome, l.Unit, l.Test, lastLine(l.Why))
		n += int64(k)
		if err != nil {
			return n, err
		}
	}
	k, err := fmt.Fprintf(w,
		"%d of %d tests pass in a UC: %.2f %%; %d hang. Left out: %d need fork or exec, %d do not pass as a process.\n",
		r.Passed, r.Compared, r.Percent(), hangs, r.Forked, r.NotOnProcess)
	return n + int64(k), err
}
