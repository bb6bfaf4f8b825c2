package mpsc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// maxPending bounds the tests that wait to be written.
const maxPending = 100_000

// gather is how long tests that nobody waits for are gathered, so that one sync
// of the disk is for many.
const gather = 20 * time.Millisecond

// patience is how long a reader waits for what was appended to be written, when
// another process has the database locked.
const patience = 100 * time.Millisecond

// Append adds a test that is written shortly afterwards: the record of a proxied
// call, whose reply must not wait for the disk. Recent and Close write it at
// once.
func (d *Database) Append(t Test) (Test, error) {
	t.At = d.Now()
	d.waiting.Lock()
	full := len(d.pending) >= maxPending
	if !full {
		d.pending = append(d.pending, t)
	}
	d.waiting.Unlock()
	if full {
		return t, fmt.Errorf("record test of %s at %s: %d wait already, the database takes none", t.Function,
			t.Provider, maxPending)
	}
	select {
	case d.wake <- struct{}{}:
	default: // the writer was woken already
	}
	return t, nil
}

// write writes what was appended until stop. A failure is tried again with the
// next test or reader, and at the end reported by Close.
func (d *Database) write() {
	defer close(d.done)
	for {
		var asked chan<- struct{}
		select {
		case <-d.wake:
			select {
			case <-time.After(gather):
			case asked = <-d.asked:
			case <-d.stop:
			}
		case asked = <-d.asked:
		case <-d.stop:
			return
		}
		_ = d.flush() // what was not written stays pending
		if asked != nil {
			close(asked)
		}
	}
}

// unwritten has what was appended written, and returns what could not be within
// the time that a reader waits.
func (d *Database) unwritten(ctx context.Context) []Test {
	d.waiting.Lock()
	n := len(d.pending)
	d.waiting.Unlock()
	if n == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	written := make(chan struct{})
	select {
	case d.asked <- written:
		select {
		case <-written:
		case <-ctx.Done():
		}
	case <-ctx.Done():
	case <-d.done:
	}
	d.waiting.Lock()
	defer d.waiting.Unlock()
	return slices.Clone(d.pending)
}

// flush writes all that waits in one transaction, or nothing. Only write calls
// it, and Close when that has ended.
func (d *Database) flush() (err error) {
	d.waiting.Lock()
	batch := slices.Clone(d.pending)
	d.waiting.Unlock()
	if len(batch) == 0 {
		return nil
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("record %d tests: %w", len(batch), err)
			return
		}
		d.waiting.Lock()
		d.pending = slices.Delete(d.pending, 0, len(batch))
		d.waiting.Unlock()
	}()
	tx, err := d.db.Begin()
	if err != nil {
		return err
	}
	for _, t := range batch {
		if _, err := tx.Exec(insertTest, t.Function, t.Provider, int64(t.RoundTrip), string(t.Class), t.Error,
			t.At.UnixNano()); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}
