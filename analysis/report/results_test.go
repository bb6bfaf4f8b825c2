package report

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"testing"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// referenceRun is the folder of the committed run.
const referenceRun = "../../results/reference"

// committed reads the summary of the reference run.
func committed(t *testing.T) *summary.Summary { return loaded(t, referenceRun) }

func loaded(t *testing.T, runDir string) *summary.Summary {
	t.Helper()
	s, err := summary.Load(runDir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sameAsCommitted compares the results of a run folder with those of the same experiments
// in the committed summary. With -update it writes them there.
func sameAsCommitted(t *testing.T, dir string, experiments int) {
	t.Helper()
	s, _, err := summary.Read(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Experiments(); len(got) != experiments {
		t.Fatalf("%s has the experiments %v, want %d", dir, got, experiments)
	}
	b, err := json.Marshal(s) // numbers as the committed summary has them
	if err == nil {
		err = json.Unmarshal(b, s)
	}
	if err != nil {
		t.Fatal(err)
	}
	want := committed(t)
	if *update {
		updateCommitted(t, want, s)
	}
	for _, e := range s.Experiments() {
		of := func(s *summary.Summary) (all []summary.Result) {
			for _, r := range s.Find(summary.Query{Experiment: e}) {
				all = append(all, *r)
			}
			return all
		}
		if got, want := of(s), of(want); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %d results of experiment %s are not the %d committed ones (go test ./analysis/report "+
				"-run Committed -update writes them anew)", dir, len(got), e, len(want))
		}
	}
}

// updateCommitted replaces the results of a run's experiments in the committed summary.
func updateCommitted(t *testing.T, old, run *summary.Summary) {
	t.Helper()
	old.Schema = summary.Schema
	old.Results = slices.DeleteFunc(old.Results, func(r summary.Result) bool {
		return slices.Contains(run.Experiments(), r.Experiment)
	})
	old.Results = append(old.Results, run.Results...)
	slices.SortStableFunc(old.Results, func(a, b summary.Result) int { return summary.Less(&a, &b) })
	if err := old.Save(referenceRun); err != nil {
		t.Fatal(err)
	}
}

func TestTheExampleOfRecordsGivesTheCommittedResults(t *testing.T) {
	sameAsCommitted(t, "../../results/example", 2)
}

// Experiments of many records are not in the archive: results/README.md tells how to make theirs.
func TestTheArchivedRecordsGiveTheCommittedResults(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 160,000 records")
	}
	run := unpacked(t)
	if files, err := record.Files(run); err != nil || len(files) != 632 {
		t.Errorf("%d trials (%v)", len(files), err)
	}
	sameAsCommitted(t, run, 8)
}

// unpacked is the run folder in the archive of records.
func unpacked(t *testing.T) string {
	t.Helper()
	f, err := os.Open("../../results/records.tar")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dir := t.TempDir()
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, h.Name)
		if h.Typeflag == tar.TypeDir {
			err = os.MkdirAll(path, 0o755)
		} else {
			var b []byte
			if b, err = io.ReadAll(r); err == nil {
				err = os.WriteFile(path, b, 0o644)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "reference-in-part")
}

// The figures and tables of PAPER.md and the findings of README.md are those of the committed
// summary: filling them in changes nothing.
func TestThePaperTellsTheCommittedSummary(t *testing.T) {
	s := committed(t)
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.Symlink(filepath.Join(root, "results"), "results"); err != nil {
		t.Fatal(err)
	}
	const run = "results/reference"
	for name, fill := range map[string]func(path string) error{
		"PAPER.md":  func(path string) error { return FillPaper(path, s, run) },
		"README.md": func(path string) error { return FillReadme(path, s) },
	} {
		before, err := os.ReadFile(filepath.Join(root, name))
		if err == nil {
			err = os.WriteFile(name, before, 0o644)
		}
		if err == nil {
			err = fill(name)
		}
		filled, errRead := os.ReadFile(name)
		if err != nil || errRead != nil {
			t.Fatal(err, errRead)
		}
		if *update {
			if err := os.WriteFile(filepath.Join(root, name), filled, 0o644); err != nil {
				t.Fatal(err)
			}
		} else if string(filled) != string(before) {
			t.Errorf("%s is not what 'lambdabench report %s --paper PAPER.md --readme README.md' writes "+
				"(go test ./analysis/report -run ThePaperTells -update writes it anew)", name, run)
		}
	}
}

// The committed figures are those that this code draws of the committed summaries and
// records; -update draws them anew. PDFs are left to run folders: each holds its font.
func TestTheCommittedFiguresAreDrawnByThisCode(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 160,000 records")
	}
	if runtime.GOARCH != "amd64" {
		t.Skipf("the last digits of coordinates may differ on %s", runtime.GOARCH)
	}
	_, archived, err := summary.Read(unpacked(t), "")
	if err != nil {
		t.Fatal(err)
	}
	for run, data := range map[string]*summary.Data{"reference": archived, "idle": {}} {
		figures, err := drawAll(loaded(t, filepath.Join("../../results", run)), data)
		if err != nil {
			t.Fatal(err)
		}
		drawn := t.TempDir()
		if err := writeFigures(drawn, figures); err != nil {
			t.Fatal(err)
		}
		compareFigures(t, filepath.Join("../../results", run, FiguresFolder), filepath.Join(drawn, FiguresFolder))
	}
}

// compareFigures holds a committed folder against one that has just been drawn.
func compareFigures(t *testing.T, committed, drawn string) {
	t.Helper()
	files := map[string]bool{}
	for _, folder := range []string{committed, drawn} {
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if filepath.Ext(e.Name()) != ".pdf" {
				files[e.Name()] = true
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(committed, name)
		got, err := os.ReadFile(filepath.Join(drawn, name))
		switch {
		case *update && err != nil:
			err = os.Remove(path)
		case *update:
			err = os.WriteFile(path, got, 0o644)
		case err == nil:
			var want []byte
			if want, err = os.ReadFile(path); err == nil && !bytes.Equal(got, want) {
				t.Errorf("%s is not what this code draws (go test ./analysis/report -run CommittedFigures -update "+
					"draws it anew)", path)
			}
		}
		if err != nil {
			t.Error(err)
		}
	}
}
