package bench

import (
	"bytes"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
)

func TestProgressInAFolderCountsFailuresAndBoundsTheirTexts(t *testing.T) {
	dir := t.TempDir()
	f := keepProgress(nil, dir, slog.New(slog.DiscardHandler))
	read := func() record.Progress {
		p, ok, err := record.ReadProgress(dir)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		return p
	}
	if p := read(); p.Trials != 0 || p.Ended || p.Begun.IsZero() {
		t.Errorf("while backends are tried: %+v", p)
	}
	f.Begin(30, 2, 30*time.Second)
	one := Trial{Experiment: "deploy", Limit: time.Second, Repeat: 1}
	for range record.MaxErrors + 5 {
		f.Trial(one)
		f.Done(one, time.Second, errors.New(strings.Repeat("x", 2*record.MaxError)))
	}
	f.Trial(one)
	p := read()
	if p.Failed != record.MaxErrors+5 || len(p.Errors) != record.MaxErrors || len(p.Errors[0]) != record.MaxError {
		t.Errorf("%d failed, %d errors", p.Failed, len(p.Errors))
	}
	if p.Done != 2 || p.Trials != 30 || p.Left != 5 || p.Trial != one.String() || p.Started.IsZero() {
		t.Errorf("%+v", p)
	}
	f.Done(one, time.Second, nil)
	f.finish(errors.New("interrupted"))
	if p := read(); !p.Ended || p.Outcome != "interrupted" || p.Done != 3 || p.Trial != "" {
		t.Errorf("at the end: %+v", p)
	}
}

func TestAProgressThatCannotBeWrittenIsToldOnceAndLeavesTheRunAlone(t *testing.T) {
	var log bytes.Buffer
	f := keepProgress(nil, filepath.Join(t.TempDir(), "gone"), slog.New(slog.NewTextHandler(&log, nil)))
	f.Begin(1, 0, time.Second)
	f.finish(nil)
	if n := strings.Count(log.String(), "cannot be followed"); n != 1 {
		t.Errorf("%d warnings: %s", n, log.String())
	}
}
