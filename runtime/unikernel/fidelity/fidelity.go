package fidelity

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

// Outcome is how a test ended.
type Outcome string

// The outcomes of a test.
const (
	Pass Outcome = "pass"
	Fail Outcome = "fail"
	Skip Outcome = "skip"
	Hang Outcome = "hang"
)

// Result is what one test came to on one side.
type Result struct {
	Unit    string  `json:"unit"` // module or file
	Test    string  `json:"test"`
	Outcome Outcome `json:"outcome"`
	Forked  bool    `json:"forked,omitempty"` // it made, or would make, a child process
	Why     string  `json:"why,omitempty"`
}

// Sample draws n of the units, the same for the same seed; all of them if n
// is 0 or too many.
func Sample(units []string, n int, seed uint64) []string {
	if n <= 0 || n >= len(units) {
		return units
	}
	drawn := slices.Clone(units)
	slices.Sort(drawn)
	r := rand.New(rand.NewPCG(seed, 0))
	r.Shuffle(len(drawn), func(i, j int) { drawn[i], drawn[j] = drawn[j], drawn[i] })
	drawn = drawn[:n]
	slices.Sort(drawn)
	return drawn
}

// side runs a unit, as a process or in a UC.
type side interface {
	name() string
	run(ctx context.Context, s *Suite, unit string) ([]Result, error)
}

// measure runs a unit on a side, unless its results lie in the file already, where they are added otherwise.
func measure(ctx context.Context, s *Suite, sd side, unit, file string, have map[string][]Result) ([]Result, error) {
	if known, ok := have[unit]; ok {
		return known, nil
	}
	results, err := sd.run(ctx, s, unit)
	if err != nil {
		return nil, fmt.Errorf("%s as %s: %w", unit, sd.name(), err)
	}
	return results, store(file, unit, results)
}

// line is a unit's results in a file of results.
type line struct {
	Unit    string   `json:"unit"`
	Results []Result `json:"results"`
}

func load(file string) (map[string][]Result, error) {
	have := map[string][]Result{}
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return have, nil
	}
	if err != nil {
		return nil, fmt.Errorf("earlier results: %w", err)
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	in.Buffer(nil, 64<<20)
	for in.Scan() {
		var l line
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			return nil, fmt.Errorf("earlier results in %s: %w; remove the file", file, err)
		}
		have[l.Unit] = l.Results
	}
	return have, in.Err()
}

func store(file, unit string, results []Result) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("keep results: %w", err)
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("keep results: %w", err)
	}
	return errors.Join(json.NewEncoder(f).Encode(line{Unit: unit, Results: results}), f.Close())
}
