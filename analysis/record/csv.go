package record

import (
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
)

// LabelColumn stands before a label's name in the heading of its column in [WriteCSV].
const LabelColumn = "label_"

// Column is a column of the table that [WriteCSV] writes.
type Column struct {
	Name    string
	Meaning string // one sentence; docs/measuring.md lists it

	of func(row) string
}

// row is one record with the first line of its file; one of the two others is nil.
type row struct {
	trial       Trial
	invocation  *Invocation
	measurement *Measurement
}

// Columns are the columns of [WriteCSV], in order. Behind "path" stands one more for each label
// that occurs in the run. A cell is empty where its record has no such field.
func Columns() []Column {
	both := func(i func(*Invocation) string, m func(*Measurement) string) func(row) string {
		return func(r row) string {
			if r.invocation != nil {
				return i(r.invocation)
			}
			return m(r.measurement)
		}
	}
	call := func(of func(*Invocation) string) func(row) string {
		return both(of, func(*Measurement) string { return "" })
	}
	ns := func(of func(*Invocation) int64) func(row) string {
		return call(func(i *Invocation) string { return strconv.FormatInt(of(i), 10) })
	}
	whole := func(of func(*Measurement) string) func(row) string {
		return both(func(*Invocation) string { return "" }, of)
	}
	return []Column{
		{"schema", "version of the records", func(r row) string { return strconv.Itoa(r.trial.Schema) }},
		{"kind", "invocation or measurement", both(func(i *Invocation) string { return i.Kind },
			func(m *Measurement) string { return m.Kind })},
		{"experiment", "the experiment", both(func(i *Invocation) string { return i.Experiment },
			func(m *Measurement) string { return m.Experiment })},
		{"trial", "number of the trial in the plan", both(func(i *Invocation) string { return strconv.Itoa(i.Trial) },
			func(m *Measurement) string { return strconv.Itoa(m.Trial) })},
		{"block", "repeat of the experiment; trials of one block can be paired",
			func(r row) string { return strconv.Itoa(r.trial.Block) }},
		{"backend", "the isolation backend", both(func(i *Invocation) string { return i.Backend },
			func(m *Measurement) string { return m.Backend })},
		{"runtime", "the language runtime", both(func(i *Invocation) string { return i.Runtime },
			func(m *Measurement) string { return m.Runtime })},
		{"via", "sandbox, worker or gateway: the way to the function", both(func(i *Invocation) string { return i.Via },
			func(m *Measurement) string { return m.Via })},
		{"path", "what the call found: hot, warm, cold, boot", both(func(i *Invocation) string { return i.Path },
			func(m *Measurement) string { return m.Path })},
		{"function", "the function that was called", call(func(i *Invocation) string { return i.Function })},
		{"scheduled_ns", "when the call was due, since the trial's start",
			ns(func(i *Invocation) int64 { return i.Scheduled })},
		{"started_ns", "when it was sent", ns(func(i *Invocation) int64 { return i.Started })},
		{"latency_ns", "from due (open loop) or sent (closed loop) to the reply",
			ns(func(i *Invocation) int64 { return i.Latency })},
		{"queue_ns", "stage: it waited", ns(func(i *Invocation) int64 { return i.Queue })},
		{"boot_ns", "stage: the runtime booted", ns(func(i *Invocation) int64 { return i.Boot })},
		{"deploy_ns", "stage: a snapshot was deployed", ns(func(i *Invocation) int64 { return i.Deploy })},
		{"import_ns", "stage: the code was imported", ns(func(i *Invocation) int64 { return i.Import })},
		{"capture_ns", "stage: a function snapshot was taken", ns(func(i *Invocation) int64 { return i.Capture })},
		{"run_ns", "stage: the function ran", ns(func(i *Invocation) int64 { return i.Run })},
		{"outcome", "ok, or what went wrong", call(func(i *Invocation) string { return i.Outcome })},
		{"error", "the text of the error", call(func(i *Invocation) string { return i.Error })},
		{"metric", "what was measured of the whole trial", whole(func(m *Measurement) string { return m.Metric })},
		{"unit", "unit of the value", whole(func(m *Measurement) string { return m.Unit })},
		{"value", "the value", whole(func(m *Measurement) string { return strconv.FormatFloat(m.Value, 'g', -1, 64) })},
		{"source", "how it was measured", whole(func(m *Measurement) string { return m.Source })},
	}
}

// WriteCSV writes every record of a run folder as one table: a line a record, in the order of
// the plan. The columns are those of [Columns].
func WriteCSV(w io.Writer, runDir string) error {
	files, err := Files(runDir)
	if err != nil {
		return fmt.Errorf("list record files: %w", err)
	}
	if len(files) == 0 {
		return fmt.Errorf("%s holds no records: it has no %s/*%s", runDir, Folder, Suffix)
	}
	labels, err := labelNames(files)
	if err != nil {
		return err
	}
	columns := Columns()
	at := 1 + slices.IndexFunc(columns, func(c Column) bool { return c.Name == "path" })
	for _, name := range labels {
		columns = slices.Insert(columns, at, Column{Name: LabelColumn + name, of: func(r row) string {
			if r.invocation != nil {
				return r.invocation.Labels[name]
			}
			return r.measurement.Labels[name]
		}})
		at++
	}
	table := csv.NewWriter(w)
	cells := make([]string, len(columns))
	for i, c := range columns {
		cells[i] = c.Name
	}
	if err := table.Write(cells); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	put := func(r row) {
		for i, c := range columns {
			cells[i] = c.of(r)
		}
		_ = table.Write(cells) // the first error is kept for Error
	}
	for _, f := range files {
		t, err := ReadTrial(f)
		if err != nil {
			return err
		}
		err = Read(f, func(i Invocation) { put(row{trial: t, invocation: &i}) },
			func(m Measurement) { put(row{trial: t, measurement: &m}) })
		if table.Flush(); err == nil {
			err = table.Error()
		}
		if err != nil {
			return fmt.Errorf("write table: %w", err)
		}
	}
	return nil
}

// labelNames are the names of all labels in a run's files, sorted.
func labelNames(files []string) ([]string, error) {
	names := map[string]bool{}
	note := func(labels map[string]string) {
		for k := range labels {
			names[k] = true
		}
	}
	for _, f := range files {
		err := Read(f, func(i Invocation) { note(i.Labels) }, func(m Measurement) { note(m.Labels) })
		if err != nil {
			return nil, err
		}
	}
	return slices.Sorted(maps.Keys(names)), nil
}
