package record

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/klauspost/compress/gzip"
)

// A run folder, as an experiment leaves it and the analysis finds it.
const (
	SuiteFile   = "suite.yaml"   // the suite, byte for byte as it was run
	MachineFile = "machine.json" // a Machine
	PlanFile    = "plan.json"    // the record files of all trials in the order in which they are run, a JSON array
	Folder      = "records"      // one file a finished trial, *Suffix
	Suffix      = ".jsonl.gz"
)

// Kinds of a line.
const (
	KindTrial       = "trial"
	KindInvocation  = "invocation"
	KindMeasurement = "measurement"
)

// Files lists the files of a run's finished trials, in the order of the plan.
func Files(runDir string) ([]string, error) {
	// sorted by name, which begins with the trial's number
	return filepath.Glob(filepath.Join(runDir, Folder, "*"+Suffix))
}

// part is behind the name of a file that is being written.
const part = ".part"

// WriteFile puts a whole file at path, or leaves the old one and nothing else.
func WriteFile(path string, data []byte) error {
	err := os.WriteFile(path+part, data, 0o644)
	if err == nil {
		err = os.Rename(path+part, path)
	}
	if err != nil {
		os.Remove(path + part)
	}
	return err
}

// Writer writes one trial's file. Nothing is at the file's path before Commit: a trial
// is there wholly or not at all, whatever happens to the machine.
// A Writer is for one goroutine.
type Writer struct {
	path string
	file *os.File
	zip  *gzip.Writer
	json *json.Encoder
	err  error
}

// Create begins the file of a trial.
func Create(path string) (*Writer, error) {
	f, err := os.Create(path + part)
	if err != nil {
		return nil, fmt.Errorf("create record file: %w", err)
	}
	z, err := gzip.NewWriterLevel(f, gzip.BestSpeed) // records are written while latencies are measured
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	w := &Writer{path: path, file: f, zip: z, json: json.NewEncoder(z)}
	w.json.SetEscapeHTML(false)
	return w, nil
}

// Trial writes the first line. The first error of a write is kept for Commit.
func (w *Writer) Trial(t Trial) {
	t.Kind, t.Schema = KindTrial, Schema
	w.put(&t)
}

// Invocation writes one. The first error of a write is kept for Commit.
func (w *Writer) Invocation(r Invocation) {
	r.Kind = KindInvocation
	w.put(&r)
}

// Measurement writes one. The first error of a write is kept for Commit.
func (w *Writer) Measurement(r Measurement) {
	r.Kind = KindMeasurement
	w.put(&r)
}

func (w *Writer) put(r any) {
	if w.err == nil {
		w.err = w.json.Encode(r)
	}
}

// Commit makes the file durable and puts it at its path. A failure of any
// write so far is reported here, and the file is then dropped.
func (w *Writer) Commit() error {
	if w.err == nil {
		w.err = w.zip.Close()
	}
	if w.err == nil {
		w.err = w.file.Sync()
	}
	if w.err == nil {
		w.err = w.file.Close()
	}
	if w.err == nil {
		w.err = os.Rename(w.path+part, w.path)
	}
	if w.err != nil {
		w.Abort()
		return fmt.Errorf("write records of %s: %w", filepath.Base(w.path), w.err)
	}
	dir, err := os.Open(filepath.Dir(w.path))
	if err != nil {
		return fmt.Errorf("finish record file: %w", err)
	}
	defer dir.Close()
	return dir.Sync()
}

// Abort drops what was written.
func (w *Writer) Abort() {
	w.file.Close()
	os.Remove(w.path + part)
}

// ReadTrial reads the first line of a trial's file. Of a file of schema 1, number and block
// follow from the file's name.
func ReadTrial(path string) (Trial, error) {
	f, err := os.Open(path)
	if err != nil {
		return Trial{}, fmt.Errorf("read records: %w", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return Trial{}, fmt.Errorf("read records of %s: %w", path, err)
	}
	sc := bufio.NewScanner(z)
	sc.Buffer(nil, maxLine)
	if sc.Scan() && kindOf(sc.Bytes(), KindTrial) {
		t, err := decodeTrial(sc.Bytes())
		if err != nil {
			return t, fmt.Errorf("read records of %s: line 1: %w", path, err)
		}
		return t, nil
	}
	if err := sc.Err(); err != nil {
		return Trial{}, fmt.Errorf("read records of %s: line 1: %w", path, err)
	}
	return namedTrial(filepath.Base(path)), nil
}

// trialName is the name of a trial's file: its number, the trial, its repeat.
var trialName = regexp.MustCompile(`^(\d+)-.*?(?:-r(\d+))?` + regexp.QuoteMeta(Suffix) + "$")

func namedTrial(file string) Trial {
	t := Trial{Kind: KindTrial, Schema: 1}
	if m := trialName.FindStringSubmatch(file); m != nil {
		t.Number, _ = strconv.Atoi(m[1])
		t.Block, _ = strconv.Atoi(m[2])
	}
	return t
}

func decodeTrial(line []byte) (Trial, error) {
	var t Trial
	if err := json.Unmarshal(line, &t); err != nil {
		return t, err
	}
	if t.Schema > Schema {
		return t, fmt.Errorf("records of schema %d, and this program reads up to %d: use a newer one", t.Schema, Schema)
	}
	return t, nil
}

// Read calls one of the two functions for each invocation and measurement of a trial's file.
// An error names the file and the line; lines of an unknown kind are an error too.
func Read(path string, invocation func(Invocation), measurement func(Measurement)) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read records: %w", err)
	}
	defer f.Close()
	if err := Decode(f, invocation, measurement); err != nil {
		return fmt.Errorf("read records of %s: %w", path, err)
	}
	return nil
}

// maxLine bounds a line, in bytes; an invocation's error text is the longest part.
const maxLine = 4 << 20

// Decode is Read for an open file.
func Decode(r io.Reader, invocation func(Invocation), measurement func(Measurement)) error {
	z, err := gzip.NewReader(r)
	if err != nil {
		return err
	}
	sc := bufio.NewScanner(z)
	sc.Buffer(nil, maxLine)
	n := 1
	for ; sc.Scan(); n++ {
		if err := decodeLine(sc.Bytes(), invocation, measurement); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := sc.Err(); err != nil {
		return fmt.Errorf("line %d: %w", n, err)
	}
	return z.Close()
}

func decodeLine(line []byte, invocation func(Invocation), measurement func(Measurement)) error {
	if kindOf(line, KindTrial) {
		_, err := decodeTrial(line)
		return err
	}
	if kindOf(line, KindInvocation) {
		var r Invocation
		if err := json.Unmarshal(line, &r); err != nil {
			return err
		}
		invocation(r)
		return nil
	}
	var r Measurement
	if err := json.Unmarshal(line, &r); err != nil {
		return err
	}
	if r.Kind != KindMeasurement {
		return fmt.Errorf("kind %q is none of %s, %s and %s, in this place", r.Kind, KindTrial, KindInvocation,
			KindMeasurement)
	}
	measurement(r)
	return nil
}

func kindOf(line []byte, kind string) bool {
	return bytes.HasPrefix(line, []byte(`{"kind":"`+kind+`"`))
}
