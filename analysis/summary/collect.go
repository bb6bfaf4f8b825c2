package summary

import (
	"fmt"
	"path/filepath"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/lambdabench/lambdabench/analysis/record"
)

// collect reads all record files, as many at a time as there are processors.
// The order of what it returns does not depend on which is read first.
func collect(runDir string) (*Data, error) {
	files, err := record.Files(runDir)
	if err != nil {
		return nil, fmt.Errorf("list record files: %w", err)
	}
	parts := make([]*Data, len(files))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, f := range files {
		g.Go(func() (err error) {
			parts[i], err = readTrial(f)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return merge(parts), nil
}

// readTrial reads the file of one trial.
func readTrial(path string) (*Data, error) {
	r := &reader{busy: -1}
	if err := record.Read(path, r.invocation, r.measurement); err != nil {
		return nil, err
	}
	t, err := record.ReadTrial(path)
	if err != nil {
		return nil, err
	}
	return r.finish(t.Block), nil
}

func merge(parts []*Data) *Data {
	all := &Data{}
	at := map[string]*Series{}
	for _, p := range parts {
		all.Rows += p.Rows
		all.measured = append(all.measured, p.measured...)
		for _, s := range p.Series {
			k := s.key()
			if have := at[k]; have != nil {
				have.Trials = append(have.Trials, s.Trials...)
				continue
			}
			own := *s // the parts stay as they are: a Follower merges them again
			own.Trials = slices.Clone(s.Trials)
			at[k] = &own
			all.Series = append(all.Series, &own)
		}
	}
	for _, s := range all.Series {
		slices.SortStableFunc(s.Trials, func(a, b *Trial) int { return a.Number - b.Number })
	}
	return all
}

// folderName is how a run is called.
func folderName(runDir string) string {
	abs, err := filepath.Abs(runDir)
	if err != nil {
		return filepath.Base(runDir)
	}
	return filepath.Base(abs)
}
