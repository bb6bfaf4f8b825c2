package summary

import (
	"fmt"
	"path/filepath"

	"github.com/lambdabench/lambdabench/analysis/record"
)

// Follower summarises a run folder that grows, as Read does. Each record file is read once, when
// it has appeared: a trial's file is there wholly or not at all.
type Follower struct {
	Dir string

	parts []*Data
	read  map[string]bool // names of the files that are in parts
	last  *Summary
}

// Update reads the files that are new. changed tells that there were some, or that the call is the
// first; the summary is then a new one.
func (f *Follower) Update() (s *Summary, changed bool, err error) {
	files, err := record.Files(f.Dir)
	if err != nil {
		return nil, false, fmt.Errorf("list record files: %w", err)
	}
	if f.read == nil {
		f.read = map[string]bool{}
	}
	for _, file := range files {
		name := filepath.Base(file)
		if f.read[name] {
			continue
		}
		d, err := readTrial(file)
		if err != nil {
			return nil, false, err
		}
		f.parts, f.read[name], changed = append(f.parts, d), true, true
	}
	if f.last != nil && !changed {
		return f.last, false, nil
	}
	if f.last, err = summarise(f.Dir, merge(f.parts)); err != nil {
		return nil, false, err
	}
	return f.last, true, nil
}
