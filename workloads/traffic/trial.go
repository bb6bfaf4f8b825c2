package traffic

import (
	"bufio"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/workloads"
)

// Trial is a sequence of calls in the format of the SEUSS authors' load
// generator: a line is
//
//	batch,user,function[,param],count
//
// and count calls of that function are made, in the order of the file, by
// however many closed-loop clients there are.
type Trial struct {
	Lines []TrialLine
	ends  []int // ends[i] is the number of calls up to line i, included
}

// TrialLine is one line of a trial.
type TrialLine struct {
	Batch    int
	User     string
	Function string
	Param    string // of the function; may be empty
	Count    int    // calls, at least 1
	Work     Work   // what the function does
}

// Work is what a function of the SEUSS authors' files does, in terms of the populations of
// package workloads.
type Work struct {
	Kind  workloads.Kind
	Turns int           // of Loop
	Delay time.Duration // of Wait: the server answers after it
}

// maxSpin bounds spin's param: 2^40 turns are hours in any language.
const maxSpin = 40

// workOf is the work of a function by its name in the file, with the param of the line.
func workOf(function, param string) (Work, error) {
	switch function {
	case "nop":
		return Work{Kind: workloads.NOP}, nil
	case "spin":
		k, err := strconv.Atoi(param)
		if err != nil || k < 0 || k > maxSpin {
			return Work{}, fmt.Errorf("spin's param %q is not a number k from 0 to %d, for 2^k turns", param, maxSpin)
		}
		return Work{Kind: workloads.Loop, Turns: 1 << k}, nil
	case "http_get":
		return Work{Kind: workloads.Wait}, nil
	case "http_sleep":
		n, err := strconv.Atoi(param)
		if err != nil || n < 0 || n > int(workloads.MaxDelay/time.Millisecond) {
			return Work{}, fmt.Errorf("http_sleep's param %q is not a number of milliseconds from 0 to %d", param,
				workloads.MaxDelay/time.Millisecond)
		}
		return Work{Kind: workloads.Wait, Delay: time.Duration(n) * time.Millisecond}, nil
	}
	return Work{}, fmt.Errorf("no function %q; want nop, spin, http_get or http_sleep", function)
}

// maxTrialCalls bounds a whole trial, so that one with a mistyped count is refused and
// does not run for a year.
const maxTrialCalls = 100_000_000

// ReadTrial reads a trial. Empty lines and lines that begin with # are skipped. Errors name
// the file, as name says, and the line.
func ReadTrial(name string, r io.Reader) (Trial, error) {
	var t Trial
	total, last := 0, 0
	sc := bufio.NewScanner(r)
	for n := 1; sc.Scan(); n++ {
		last = n
		text := strings.TrimSpace(sc.Text())
		if text == "" || text[0] == '#' {
			continue
		}
		line, err := parseTrialLine(text)
		if err != nil {
			return Trial{}, fmt.Errorf("%s, line %d: %w", name, n, err)
		}
		if total += line.Count; total > maxTrialCalls {
			return Trial{}, fmt.Errorf("%s, line %d: more than %d calls in all", name, n, maxTrialCalls)
		}
		t.Lines = append(t.Lines, line)
		t.ends = append(t.ends, total)
	}
	if err := sc.Err(); err != nil {
		return Trial{}, fmt.Errorf("%s, line %d: %w", name, last+1, err)
	}
	return t, nil
}

func parseTrialLine(text string) (TrialLine, error) {
	f := strings.Split(text, ",")
	for i := range f {
		f[i] = strings.TrimSpace(f[i])
	}
	if len(f) != 4 && len(f) != 5 {
		return TrialLine{}, fmt.Errorf("%d fields, want batch,user,function[,param],count", len(f))
	}
	batch, err := strconv.Atoi(f[0])
	if err != nil || batch < 0 {
		return TrialLine{}, fmt.Errorf("batch %q is not a number", f[0])
	}
	count, err := strconv.Atoi(f[len(f)-1])
	if err != nil || count < 1 || count > maxTrialCalls {
		return TrialLine{}, fmt.Errorf("count %q is not a number from 1 to %d", f[len(f)-1], maxTrialCalls)
	}
	if f[1] == "" || f[2] == "" {
		return TrialLine{}, fmt.Errorf("user and function must not be empty")
	}
	line := TrialLine{Batch: batch, User: f[1], Function: f[2], Count: count}
	if len(f) == 5 {
		line.Param = f[3]
	}
	line.Work, err = workOf(line.Function, line.Param)
	return line, err
}

// Calls is the number of calls in the whole trial.
func (t Trial) Calls() int {
	if len(t.ends) == 0 {
		return 0
	}
	return t.ends[len(t.ends)-1]
}

// At is the line that call number n (from 0) belongs to; n is below Calls.
func (t Trial) At(n int) TrialLine {
	return t.Lines[sort.SearchInts(t.ends, n+1)]
}

// Functions lists the trial's unique functions, as user/function, in the order
// of their first call, and Pick for a Load: the index in that list of the
// function that call number n is for.
func (t Trial) Functions() (names []string, pick func(n int) int) {
	index := map[string]int{}
	ofLine := make([]int, len(t.Lines))
	for i, l := range t.Lines {
		name := l.User + "/" + l.Function
		at, ok := index[name]
		if !ok {
			at = len(names)
			index[name] = at
			names = append(names, name)
		}
		ofLine[i] = at
	}
	return names, func(n int) int { return ofLine[sort.SearchInts(t.ends, n+1)] }
}
