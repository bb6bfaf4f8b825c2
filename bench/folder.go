package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"

	"github.com/lambdabench/lambdabench/analysis/record"
)

// folder is a run's folder, held for this process alone.
type folder struct {
	dir  string
	lock *os.File
}

// openFolder makes the folder, or takes up the one of an interrupted run of
// the same suite.
func openFolder(dir string, suite []byte) (*folder, error) {
	if err := os.MkdirAll(filepath.Join(dir, record.Folder), 0o755); err != nil {
		return nil, fmt.Errorf("make run folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, record.SuiteFile), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open run folder: %w", err)
	}
	f := &folder{dir: dir, lock: lock}
	if err := f.claim(suite); err != nil {
		lock.Close()
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return f, nil
}

// claim locks the folder, compares the suite and removes the unfinished files of a killed
// run. The kernel drops the lock when the process ends.
func (f *folder) claim(suite []byte) error {
	if err := syscall.Flock(int(f.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return ErrInUse
	}
	path := filepath.Join(f.dir, record.SuiteFile)
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	done, err := record.Files(f.dir)
	if err != nil {
		return err
	}
	if len(done) > 0 && !bytes.Equal(old, suite) {
		return fmt.Errorf("%w; give another --out, or the suite as it is in %s", ErrOtherSuite, path)
	}
	if !bytes.Equal(old, suite) {
		if err := f.lock.Truncate(0); err != nil {
			return err
		}
		if _, err := f.lock.WriteAt(suite, 0); err != nil {
			return err
		}
	}
	parts, err := filepath.Glob(filepath.Join(f.dir, record.Folder, "*.part"))
	for _, p := range parts {
		err = errors.Join(err, os.Remove(p))
	}
	return errors.Join(err, os.RemoveAll(f.work()))
}

// work is the folder for files that the run alone needs.
func (f *folder) work() string { return filepath.Join(f.dir, "work") }

// path is where a trial's records belong.
func (f *folder) path(t Trial) string { return filepath.Join(f.dir, record.Folder, t.File()) }

// keepPlan writes the plan, or compares it with the one that is there.
func (f *folder) keepPlan(plan []Trial) error {
	files := make([]string, len(plan))
	for i, t := range plan {
		files[i] = t.File()
	}
	want, err := json.MarshalIndent(files, "", "  ")
	want = append(want, '\n')
	if err != nil {
		return err
	}
	path := filepath.Join(f.dir, record.PlanFile)
	done, err := record.Files(f.dir)
	if err != nil {
		return err
	}
	if have, err := os.ReadFile(path); err == nil && len(done) > 0 && !bytes.Equal(have, want) {
		return fmt.Errorf("%s: %w: it was begun with other backends, runtimes or experiments; give the same ones, or "+
			"another --out", f.dir, ErrOtherSuite)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return record.WriteFile(path, want)
}

// open returns the trials that are not yet recorded.
func (f *folder) open(plan []Trial) []Trial {
	var todo []Trial
	for _, t := range plan {
		if _, err := os.Stat(f.path(t)); err != nil {
			todo = append(todo, t)
		}
	}
	return todo
}

// keepMachine writes the machine's description. A run that is taken up keeps the first
// description, and is refused where the description is no longer true: all trials of a run
// are of one program on one machine.
func (f *folder) keepMachine(now record.Machine) error {
	path := filepath.Join(f.dir, record.MachineFile)
	done, err := record.Files(f.dir)
	if err != nil {
		return err
	}
	if text, err := os.ReadFile(path); err == nil && len(done) > 0 {
		var begun record.Machine
		if err := json.Unmarshal(text, &begun); err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		if other := changes(begun, now); len(other) > 0 {
			return fmt.Errorf("%s: %w: %s; give another --out", f.dir, ErrOtherMachine, strings.Join(other, ", "))
		}
		return nil
	}
	b, err := json.MarshalIndent(now, "", "  ")
	if err != nil {
		return err
	}
	return record.WriteFile(path, b)
}

// changes lists the differences of two descriptions, but for those that vary by
// themselves: date, load, governor.
func changes(begun, now record.Machine) []string {
	var all []string
	differs := func(what string, a, b any) {
		if !reflect.DeepEqual(a, b) {
			all = append(all, fmt.Sprintf("%s was %v and is %v", what, a, b))
		}
	}
	differs("the processor", begun.CPU, now.CPU)
	differs("the number of cores", begun.Cores, now.Cores)
	differs("the memory in bytes", begun.MemoryBytes, now.MemoryBytes)
	differs("the kernel", begun.Kernel, now.Kernel)
	differs("the user", begun.User, now.User)
	differs("runtimes", begun.Interpreters, now.Interpreters)
	differs("backends", begun.Backends, now.Backends)
	differs("the commit", begun.Commit, now.Commit)
	differs("the tree with changes in no commit", begun.Dirty, now.Dirty)
	return all
}

func (f *folder) close() error {
	return errors.Join(os.RemoveAll(f.work()), f.lock.Close())
}
