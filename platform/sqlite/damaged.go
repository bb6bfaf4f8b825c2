package sqlite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// damagedDir is the directory, in a data directory, of what starts could not read.
const damagedDir = "damaged"

// Aside names the directory, in data directory dir, for what the start at a moment cannot
// read. It makes none.
func Aside(dir string, start time.Time) string {
	return filepath.Join(dir, damagedDir, start.UTC().Format("20060102T150405.000000000"))
}

// Damaged lists the directories that Aside has named and that are there: what this start
// and earlier ones could not read, until somebody removes it.
func Damaged(dir string) ([]string, error) {
	found, err := os.ReadDir(filepath.Join(dir, damagedDir))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var all []string
	for _, d := range found {
		all = append(all, filepath.Join(dir, damagedDir, d.Name()))
	}
	return all, nil
}

// Rescue copies a database whose write-ahead log is damaged, with the log, to the new
// directory into, before Open has SQLite drop what follows the damage. It
// returns an error that says what may be lost, where the copies are, and what
// helps; ok is false when there is no copy. A sound database has neither.
func Rescue(path, into string) (damage error, ok bool) {
	name := filepath.Base(path)
	lost, err := lostFrames(path + "-wal")
	switch {
	case err != nil:
		damage = fmt.Errorf("%s-wal cannot be read: %w; acknowledged changes may be lost", name, err)
	case lost > 0:
		damage = fmt.Errorf("%s-wal is damaged, and %d pages from the damage on cannot be read; acknowledged changes "+
			"may be lost", name, lost)
	default:
		return nil, true
	}
	for _, s := range []string{"", "-wal"} {
		if err := copyFile(path+s, filepath.Join(into, name+s)); err != nil {
			_ = os.RemoveAll(into) // a part of a copy is of no use
			return fmt.Errorf("%w; no copy could be made, so the start is given up and nothing is changed: %w; make "+
				"room for %s and let the platform's user write to it", damage, err, into), false
		}
	}
	return fmt.Errorf("%w; a copy of %s and %s-wal from before this start is in %s: compare what is listed with "+
		"what was acknowledged, and send again what is missing; or end this process, remove %s-wal and put a sound "+
		"backup of %s in its place; then remove the copy", damage, name, name, into, name, name), true
}

// copyFile makes a copy that is on disk, for this user alone.
func copyFile(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err == nil {
		err = out.Sync()
	}
	return errors.Join(err, out.Close())
}
