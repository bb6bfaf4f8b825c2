package traffic

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The names of a day's files, as published.
const (
	invocationsFile = "invocations_per_function_md.anon.d01.csv"
	durationsFile   = "function_durations_percentiles.anon.d01.csv"
	memoryFile      = "app_memory_percentiles.anon.d01.csv"
)

// Open reads a trace: of a directory the files of its first day, in the schema of 2019 and with
// the published names; of a file, all calls in the schema of 2021.
func Open(path string, w Window) (*Trace, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open trace: %w", err)
	}
	if !info.IsDir() {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("open trace: %w", err)
		}
		defer f.Close()
		return ReadLog(File{path, f}, w)
	}
	var files [3]File
	for i, name := range []string{invocationsFile, durationsFile, memoryFile} {
		f, err := os.Open(filepath.Join(path, name))
		if name == memoryFile && errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("open trace: %w; a directory holds the files %s, %s and, if there is one, %s", err,
				invocationsFile, durationsFile, memoryFile)
		}
		defer f.Close()
		files[i] = File{f.Name(), f}
	}
	return ReadDay(DayFiles{files[0], files[1], files[2]}, w)
}

// Write writes the trace at path in the schema that it was read in: a directory of three files,
// or one file. Header is the comment that each begins with. Nothing that exists is written over.
func (tr *Trace) Write(path, header string) (err error) {
	var made []string
	defer func() {
		if err != nil {
			for _, p := range made {
				err = errors.Join(err, os.Remove(p))
			}
			err = fmt.Errorf("write trace: %w", err)
		}
	}()
	// A csv.Writer keeps its first error.
	file := func(p string, rows func(w *csv.Writer)) error {
		f, err := os.OpenFile(p, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		made = append(made, p)
		if header != "" {
			if _, err := fmt.Fprintf(f, "# %s\n", strings.ReplaceAll(header, "\n", " ")); err != nil {
				return errors.Join(err, f.Close())
			}
		}
		w := csv.NewWriter(f)
		rows(w)
		w.Flush()
		return errors.Join(w.Error(), f.Close())
	}
	if tr.calls != nil {
		return file(path, tr.writeLog)
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	for name, rows := range map[string]func(*csv.Writer){
		invocationsFile: tr.writeInvocations, durationsFile: tr.writeDurations, memoryFile: tr.writeMemory,
	} {
		if err := file(filepath.Join(path, name), rows); err != nil {
			return err
		}
	}
	return nil
}

func (tr *Trace) writeLog(w *csv.Writer) {
	_ = w.Write(logColumns)
	for _, c := range tr.calls {
		f := &tr.Functions[c.Function]
		_ = w.Write([]string{f.App, f.Name, decimal((c.Due + c.Duration).Seconds()), decimal(c.Duration.Seconds())})
	}
}

func (tr *Trace) writeInvocations(w *csv.Writer) {
	n := int(tr.Length.Minutes())
	header := append(functionColumns[:3:3], "Trigger")
	for m := range n {
		header = append(header, strconv.Itoa(m+1))
	}
	_ = w.Write(header)
	for i := range tr.Functions {
		f := &tr.Functions[i]
		row := []string{f.Owner, f.App, f.Name, f.Trigger}
		for next, m := 0, 0; m < n; m++ {
			count := "0"
			if next < len(f.minutes) && int(f.minutes[next].number) == m {
				count = strconv.Itoa(int(f.minutes[next].calls))
				next++
			}
			row = append(row, count)
		}
		_ = w.Write(row)
	}
}

func (tr *Trace) writeDurations(w *csv.Writer) {
	header := append(functionColumns[:3:3], "Average", "Count", "Minimum", "Maximum")
	_ = w.Write(append(header, columns(durationShares)...))
	for i := range tr.Functions {
		f := &tr.Functions[i]
		row := []string{f.Owner, f.App, f.Name, decimal(f.Mean.Seconds() * 1e3), strconv.FormatInt(f.Calls, 10),
			decimal(f.Duration.At(0) * 1e3), decimal(f.Duration.At(1) * 1e3)}
		for _, s := range durationShares {
			row = append(row, decimal(f.Duration.At(s.share)*1e3))
		}
		_ = w.Write(row)
	}
}

func (tr *Trace) writeMemory(w *csv.Writer) {
	_ = w.Write(append(append(functionColumns[:2:2], "SampleCount", "AverageAllocatedMb"), columns(memoryShares)...))
	written := map[string]bool{}
	for i := range tr.Functions {
		f := &tr.Functions[i]
		app := f.Owner + "/" + f.App
		if f.Memory == nil || written[app] {
			continue
		}
		written[app] = true
		row := []string{f.Owner, f.App, strconv.FormatInt(f.memorySamples, 10), decimal(f.MeanMemory)}
		for _, s := range memoryShares {
			row = append(row, decimal(f.Memory.At(s.share)))
		}
		_ = w.Write(row)
	}
}

func columns(shares []share) (names []string) {
	for _, s := range shares {
		names = append(names, s.column)
	}
	return names
}

func decimal(v float64) string { return strconv.FormatFloat(v, 'f', 6, 64) }
