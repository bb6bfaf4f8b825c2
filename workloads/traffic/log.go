package traffic

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"time"
)

// logColumns are the schema of 'Azure Functions Invocation Trace 2021' (AzurePublicDataset,
// revision 1): names, and the end and the duration of each call in seconds.
var logColumns = []string{"app", "func", "end_timestamp", "duration"}

// ReadLog reads a trace that has every call. Time counts from the start of the earliest call.
func ReadLog(file File, w Window) (*Trace, error) {
	t, err := openTable(file.Name, file.Reader, logColumns...)
	if err != nil {
		return nil, err
	}
	trace := &Trace{Header: t.comment}
	if err := trace.readCalls(t); err != nil {
		return nil, err
	}
	if len(trace.calls) == 0 {
		return nil, fmt.Errorf("%s: no call", file.Name)
	}
	slices.SortStableFunc(trace.calls, byDue)
	if err := trace.cut(w); err != nil {
		return nil, fmt.Errorf("%s: %w", file.Name, err)
	}
	trace.Notes = t.left.notes(file.Name)
	return trace, nil
}

// byDue is the order of calls; calls due at once stay in the order of their functions.
func byDue(a, b Call) int {
	return cmp.Or(cmp.Compare(a.Due, b.Due), cmp.Compare(a.Function, b.Function))
}

// readCalls reads all rows.
func (tr *Trace) readCalls(t *table) error {
	app, name, end, duration := t.column("app"), t.column("func"), t.column("end_timestamp"), t.column("duration")
	index := map[string]map[string]int32{}
	for {
		more, err := t.next()
		if err != nil || !more {
			return err
		}
		ended, known, err := t.number(end)
		if err != nil {
			return err
		}
		took, plausible, err := t.number(duration)
		if err != nil {
			return err
		}
		if !known || !plausible || ended > maxEnd || took > maxEnd {
			t.leave("have no plausible end or duration and are left out")
			continue
		}
		of, ok := index[t.row[app]]
		if !ok {
			of = map[string]int32{}
			index[string([]byte(t.row[app]))] = of
		}
		i, ok := of[t.row[name]]
		if !ok {
			i = int32(len(tr.Functions))
			f := Function{App: string([]byte(t.row[app])), Name: string([]byte(t.row[name]))}
			of[f.Name] = i
			tr.Functions = append(tr.Functions, f)
		}
		tr.calls = append(tr.calls, Call{Due: seconds(ended - took), Duration: seconds(took), Function: i})
	}
}

// maxEnd bounds times in seconds: 100 years and a nanosecond's place fit into a time.Duration.
const maxEnd = 100 * 365.25 * 86400

// cut keeps the calls that start in the window, and their functions.
func (tr *Trace) cut(w Window) error {
	first := tr.calls[0].Due
	last := tr.calls[len(tr.calls)-1].Due - first
	if w.From < 0 || w.For < 0 || w.From > last {
		return fmt.Errorf("from %v for %v: calls start within %v", w.From, w.For, last.Round(time.Second))
	}
	rest := last - w.From + 1
	if tr.Length = w.For; w.For == 0 {
		tr.Length = rest
	}
	at := func(due time.Duration) int {
		return sort.Search(len(tr.calls), func(i int) bool { return tr.calls[i].Due-first >= due })
	}
	tr.calls = tr.calls[at(w.From):at(w.From+min(tr.Length, rest))]
	for i := range tr.calls {
		tr.calls[i].Due -= first + w.From
	}
	tr.keep(func(c Call) bool { return true })
	if len(tr.calls) == 0 {
		return fmt.Errorf("from %v for %v: no call starts", w.From, w.For)
	}
	return nil
}

// keep leaves out the calls that are not wanted, and functions without a call.
func (tr *Trace) keep(wanted func(Call) bool) {
	place := make([]int32, len(tr.Functions)) // 1 + the new index
	all := tr.Functions
	took := []time.Duration(nil)
	calls := tr.calls[:0]
	tr.Functions = nil
	for _, c := range tr.calls {
		if !wanted(c) {
			continue
		}
		if place[c.Function] == 0 {
			f := all[c.Function]
			f.Calls = 0
			tr.Functions, took = append(tr.Functions, f), append(took, 0)
			place[c.Function] = int32(len(tr.Functions))
		}
		c.Function = place[c.Function] - 1
		tr.Functions[c.Function].Calls++
		took[c.Function] += c.Duration
		calls = append(calls, c)
	}
	tr.calls = calls
	for i := range tr.Functions {
		tr.Functions[i].Mean = took[i] / time.Duration(tr.Functions[i].Calls)
	}
}
