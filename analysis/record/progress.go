package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// ProgressFile tells in a run folder how the run goes, or how the last run into the folder
// ended. A run writes the file between trials, never within one.
const ProgressFile = "progress.json"

// Progress is the state of a run. Finished trials are in the folder as records; Progress adds
// what records cannot tell.
type Progress struct {
	PID     int       `json:"pid"`               // of the process that runs
	Born    uint64    `json:"born"`              // its start, /proc/PID/stat's starttime: a PID is given out again
	Begun   time.Time `json:"begun"`             // when this run into the folder began
	Trials  int       `json:"trials"`            // of the plan; 0 while backends are being tried
	Done    int       `json:"done"`              // recorded, those of earlier runs into the folder included
	Failed  int       `json:"failed"`            // in this run
	Errors  []string  `json:"errors,omitempty"`  // of the last failed trials, at most MaxErrors
	Trial   string    `json:"trial,omitempty"`   // that is being run
	Started time.Time `json:"started,omitzero"`  // when the trial began to wait for a quiet machine
	Left    float64   `json:"left_s"`            // estimate when Trial began, in seconds
	Ended   bool      `json:"ended"`             // no further trial will be run
	Outcome string    `json:"outcome,omitempty"` // why the run ended before its last trial
}

// MaxErrors bounds Progress.Errors, and MaxError a text of it in bytes: an error of a trial
// may quote a function's output.
const (
	MaxErrors = 20
	MaxError  = 2000
)

// WriteProgress replaces the progress in a run folder.
func WriteProgress(runDir string, p Progress) error {
	b, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		return fmt.Errorf("encode progress: %w", err)
	}
	if err := WriteFile(filepath.Join(runDir, ProgressFile), append(b, '\n')); err != nil {
		return fmt.Errorf("write progress: %w", err)
	}
	return nil
}

// ReadProgress reads the progress in a run folder; false where there is none.
func ReadProgress(runDir string) (p Progress, ok bool, err error) {
	b, err := os.ReadFile(filepath.Join(runDir, ProgressFile))
	if errors.Is(err, fs.ErrNotExist) {
		return p, false, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if err != nil {
		return p, false, fmt.Errorf("read progress of %s: %w", runDir, err)
	}
	return p, true, nil
}
