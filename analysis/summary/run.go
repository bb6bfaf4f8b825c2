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
	s := &Summary{Schema: Schema, baseline: baseline}
	if err := readJSON(filepath.Join(runDir, record.MachineFile), &s.Machine); err != nil {
		return nil, nil, err
	}
	run, err := describeRun(runDir)
	if err != nil {
		return nil, nil, err
	}
	s.Run = run
	d, err := collect(runDir)
	if err != nil {
		return nil, nil, err
	}
	s.Results = results(d)
	s.warnOfLittleMemory()
	s.warnOfLimits()
	s.warnOfCoverage()
	return s, d, s.checkBaseline(baseline)
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
