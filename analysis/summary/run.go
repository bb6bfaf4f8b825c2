package summary

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/statistics"
)

// File is the summary in a run folder.
const File = "summary.json"

// Read summarises the records of a run folder. Ratios are taken against the backend
// baseline; where that is "", against the one that BaselineOf picks.
func Read(runDir, baseline string) (*Summary, *Data, error) {
	if st, err := os.Stat(filepath.Join(runDir, record.Folder)); err != nil || !st.IsDir() {
		return nil, nil, fmt.Errorf("%s is no run folder: it has no %s/; lambdabench run makes one", runDir,
			record.Folder)
	}
	d, err := collect(runDir)
	if err != nil {
		return nil, nil, err
	}
	s, err := summarise(runDir, d)
	if err != nil {
		return nil, nil, err
	}
	s.baseline = baseline
	return s, d, s.checkBaseline(baseline)
}

// summarise is the summary of the records of a run folder.
func summarise(runDir string, d *Data) (*Summary, error) {
	s := &Summary{Schema: Schema, Results: results(d)}
	if err := readJSON(filepath.Join(runDir, record.MachineFile), &s.Machine); err != nil {
		return nil, err
	}
	var err error
	if s.Run, err = describeRun(runDir); err != nil {
		return nil, err
	}
	s.warnOfLittleMemory()
	s.warnOfLimits()
	s.warnOfCoverage()
	s.warnOfSaturation()
	return s, nil
}

// Load reads the summary that a run folder holds, where the records are elsewhere. Of a summary
// of schema 1, the number of trials and the kind of interval follow from the warnings.
func Load(runDir string) (*Summary, error) {
	path := filepath.Join(runDir, File)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("%s holds neither %s/ nor %s: %w", runDir, record.Folder, File, err)
	}
	s := new(Summary)
	if err := readJSON(path, s); err != nil {
		return nil, err
	}
	if s.Schema > Schema {
		return nil, fmt.Errorf("%s is of schema %d, and this program reads up to %d: use a newer one", path, s.Schema,
			Schema)
	}
	for i := range s.Results {
		if r := &s.Results[i]; r.Interval == "" {
			r.fromSchema1()
		}
	}
	return s, nil
}

// Schema1 is the kind of an interval of a summary of schema 1: resampled trials, which hold the
// median in fewer than 95 of 100 runs.
const Schema1 statistics.Kind = "schema 1"

func (r *Result) fromSchema1() {
	r.Interval = Schema1
	for _, w := range r.Warnings {
		switch w.Kind() {
		case WarnSingleTrial:
			r.Interval, r.Trials, r.CILow, r.CIHigh = statistics.Range, 1, r.P50, r.P50
		case WarnFewTrials:
			if _, err := fmt.Sscanf(string(w), WarnFewTrials+": %d;", &r.Trials); err == nil {
				r.Interval = statistics.Range
			}
		}
	}
}

// Save writes the summary into a run folder.
func (s *Summary) Save(runDir string) error {
	b, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return fmt.Errorf("encode summary: %w", err)
	}
	if err := record.WriteFile(filepath.Join(runDir, File), append(b, '\n')); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

func (s *Summary) checkBaseline(want string) error {
	all := s.Backends()
	if want == "" || len(all) == 0 || slices.Contains(all, want) {
		return nil
	}
	return fmt.Errorf("baseline %q has no results in this run; it has %v", want, all)
}

func describeRun(runDir string) (Run, error) {
	r := Run{Name: folderName(runDir)}
	var suite struct {
		Suite string `yaml:"suite"`
		Seed  uint64 `yaml:"seed"`
	}
	path := filepath.Join(runDir, record.SuiteFile)
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("read suite: %w", err)
	}
	if err := yaml.Unmarshal(b, &suite); err != nil {
		return r, fmt.Errorf("read suite %s: %w", path, err)
	}
	r.Suite, r.Seed = suite.Suite, suite.Seed
	var plan []string
	if err := readJSON(filepath.Join(runDir, record.PlanFile), &plan); err != nil {
		return r, err
	}
	files, err := record.Files(runDir)
	r.Planned, r.Trials = len(plan), len(files)
	return r, err
}

// readJSON leaves v as it is where there is no such file.
func readJSON(path string, v any) error {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read run folder: %w", err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}
