package traffic

import (
	"fmt"
	"io"
	"strconv"
	"time"
)

// DayFiles are the three tables of a day in the schema of 'Azure Functions Trace 2019'
// (AzurePublicDataset, revision 2), each with the name that errors call it by.
type DayFiles struct {
	Invocations, Durations, Memory File // Memory.Reader may be nil: the last days have no such file
}

// File is a named input.
type File struct {
	Name   string
	Reader io.Reader
}

// The columns of the schema.
var (
	functionColumns = []string{"HashOwner", "HashApp", "HashFunction"}
	durationShares  = []share{{"percentile_Average_0", 0}, {"percentile_Average_1", 0.01},
		{"percentile_Average_25", 0.25}, {"percentile_Average_50", 0.5}, {"percentile_Average_75", 0.75},
		{"percentile_Average_99", 0.99}, {"percentile_Average_100", 1}}
	memoryShares = []share{{"AverageAllocatedMb_pct1", 0.01}, {"AverageAllocatedMb_pct5", 0.05},
		{"AverageAllocatedMb_pct25", 0.25}, {"AverageAllocatedMb_pct50", 0.5}, {"AverageAllocatedMb_pct75", 0.75},
		{"AverageAllocatedMb_pct95", 0.95}, {"AverageAllocatedMb_pct99", 0.99}, {"AverageAllocatedMb_pct100", 1}}
)

// share is a column with the share of the values that are at most its value.
type share struct {
	column string
	share  float64
}

const (
	minutesADay = 1440
	// maxMinute bounds a function's calls in one minute: 10 times what a function called 10^8 times
	// a day has at the peak. The calls of one minute must fit into memory.
	maxMinute = 1_000_000
)

// ReadDay reads a day. Functions whose durations are unknown are left out, with a note.
func ReadDay(files DayFiles, w Window) (*Trace, error) {
	calls, err := readInvocations(files.Invocations, w)
	if err != nil {
		return nil, err
	}
	if err := calls.readDurations(files.Durations); err != nil {
		return nil, err
	}
	if files.Memory.Reader != nil {
		if err := calls.readMemory(files.Memory); err != nil {
			return nil, err
		}
	}
	t := calls.trace
	kept := t.Functions[:0]
	without, lost := 0, int64(0)
	for _, f := range t.Functions {
		if f.Duration == nil {
			without, lost = without+1, lost+f.Calls
			continue
		}
		kept = append(kept, f)
	}
	t.Functions = kept
	if without > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("%d functions with %d calls are left out: %s has no durations of them",
			without, lost, files.Durations.Name))
	}
	if len(kept) == 0 {
		return nil, fmt.Errorf("%s: no function with calls and durations in the window", files.Invocations.Name)
	}
	return t, nil
}

// day is a trace that is being joined.
type day struct {
	trace *Trace
	index map[string]int // of functions, by id
}

func readInvocations(file File, w Window) (*day, error) {
	t, err := openTable(file.Name, file.Reader, append(functionColumns[:3:3], "Trigger", "1")...)
	if err != nil {
		return nil, err
	}
	first := t.column("1")
	n := len(t.header) - first
	for i, name := range t.header[first:] {
		if name != strconv.Itoa(i+1) || n > minutesADay {
			return nil, t.fail("column %q where minute %d is to be; want the columns 1 to 1440", name, i+1)
		}
	}
	from, to, err := w.minutes(n)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file.Name, err)
	}
	d := &day{trace: &Trace{Length: time.Duration(to-from) * time.Minute, Header: t.comment}, index: map[string]int{}}
	at := t.functionColumns()
	trigger := t.column("Trigger")
	for {
		more, err := t.next()
		if err != nil {
			return nil, err
		}
		if !more {
			d.trace.Notes = t.left.notes(file.Name)
			return d, nil
		}
		f := t.function(at)
		f.Trigger = t.row[trigger]
		if err := t.minutes(&f, first+from, first+to); err != nil {
			return nil, err
		}
		if _, twice := d.index[f.id()]; twice {
			t.leave("repeat a function and are left out")
		} else if f.Calls > 0 {
			d.index[f.id()] = len(d.trace.Functions)
			d.trace.Functions = append(d.trace.Functions, f)
		}
	}
}

// functionColumns are the places of the columns that name a function.
func (t *table) functionColumns() (at [3]int) {
	for i, c := range functionColumns {
		at[i] = t.column(c)
	}
	return at
}

// function is the function that the row names. The row's memory is used again, and the names
// are parts of one string with it.
func (t *table) function(at [3]int) Function {
	return Function{Owner: string([]byte(t.row[at[0]])), App: string([]byte(t.row[at[1]])),
		Name: string([]byte(t.row[at[2]]))}
}

// minutes reads the counts in the columns from from up to to.
func (t *table) minutes(f *Function, from, to int) error {
	for i := from; i < to; i++ {
		text := t.row[i]
		if text == "0" || text == "" {
			continue
		}
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil || n > maxMinute {
			return t.fail("minute %s has %q calls, which is not a number up to %d", t.header[i], text, maxMinute)
		}
		if n > 0 {
			f.minutes = append(f.minutes, minute{uint16(i - from), uint32(n)})
			f.Calls += int64(n)
		}
	}
	return nil
}

// readDurations joins the durations of functions: milliseconds, of averages over 30 s each. The
// true minimum and maximum take the place of the averages' where they were recorded.
func (d *day) readDurations(file File) error {
	columns := append(functionColumns[:3:3], "Average", "Minimum", "Maximum")
	for _, s := range durationShares {
		columns = append(columns, s.column)
	}
	t, err := openTable(file.Name, file.Reader, columns...)
	if err != nil {
		return err
	}
	at := t.functionColumns()
	average, least, most := t.column("Average"), t.column("Minimum"), t.column("Maximum")
	for {
		more, err := t.next()
		if err != nil || !more {
			d.trace.Notes = append(d.trace.Notes, t.left.notes(file.Name)...)
			return err
		}
		mean, known, err := t.number(average)
		if err != nil {
			return err
		}
		q, err := t.quantiles(durationShares, 1e-3)
		if err != nil {
			return err
		}
		if err := t.widen(q, least, most); err != nil {
			return err
		}
		f := t.function(at)
		i, called := d.index[f.id()]
		switch {
		case q == nil || !known || mean == 0:
			t.leave("have no plausible durations and are left out")
		case !called: // in the window
		case d.trace.Functions[i].Duration != nil:
			t.leave("repeat a function and are left out")
		default:
			d.trace.Functions[i].Mean, d.trace.Functions[i].Duration = seconds(mean/1e3), q
		}
	}
}

// quantiles reads a distribution, in units of the column; nil where values are missing or fall.
func (t *table) quantiles(shares []share, unit float64) (q Quantiles, err error) {
	q = make(Quantiles, 0, len(shares))
	plausible := true
	for _, s := range shares {
		v, known, err := t.number(t.column(s.column))
		if err != nil {
			return nil, err
		}
		plausible = known && q.add(s.share, v*unit) && plausible
	}
	if !plausible {
		return nil, nil
	}
	return q, nil
}

// widen puts a true minimum and maximum in milliseconds at the ends.
func (t *table) widen(q Quantiles, least, most int) error {
	lo, loKnown, err := t.number(least)
	if err != nil {
		return err
	}
	hi, hiKnown, err := t.number(most)
	if err != nil || q == nil {
		return err
	}
	if loKnown && lo > 0 && lo/1e3 < q[0].Value {
		q[0].Value = lo / 1e3
	}
	if last := len(q) - 1; hiKnown && hi/1e3 > q[last].Value {
		q[last].Value = hi / 1e3
	}
	return nil
}

// readMemory joins the memory of apps, in MB.
func (d *day) readMemory(file File) error {
	columns := append(functionColumns[:2:2], "SampleCount", "AverageAllocatedMb")
	for _, s := range memoryShares {
		columns = append(columns, s.column)
	}
	t, err := openTable(file.Name, file.Reader, columns...)
	if err != nil {
		return err
	}
	owner, app := t.column("HashOwner"), t.column("HashApp")
	average, count := t.column("AverageAllocatedMb"), t.column("SampleCount")
	apps := map[string]Function{} // those of a function's fields that are its app's
	for {
		more, err := t.next()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		q, err := t.quantiles(memoryShares, 1)
		if err != nil {
			return err
		}
		mean, known, err := t.number(average)
		if err != nil {
			return err
		}
		n, _, err := t.number(count)
		if err != nil {
			return err
		}
		key := t.row[owner] + "/" + t.row[app]
		switch _, twice := apps[key]; {
		case q == nil || !known:
			t.leave("have no plausible memory and are left out")
		case twice:
			t.leave("repeat an app and are left out")
		default:
			apps[key] = Function{Memory: q, MeanMemory: mean, memorySamples: int64(n)}
		}
	}
	for i := range d.trace.Functions {
		f := &d.trace.Functions[i]
		a := apps[f.Owner+"/"+f.App]
		f.Memory, f.MeanMemory, f.memorySamples = a.Memory, a.MeanMemory, a.memorySamples
	}
	d.trace.Notes = append(d.trace.Notes, t.left.notes(file.Name)...)
	return nil
}
