package mpsc

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// maxPending bounds the tests that wait to be written.
const maxPending = 100_000

// gather is how long tests that nobody waits for are gathered, so that one sync
// of the disk is for many.
const gather = 20 * time.Millisecond

// Append takes a test that is written shortly after: the record of a proxied
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
		return t, fmt.Errorf("record test of %s at %s: %d wait already, the database takes none", t.Function, t.Provider, maxPending)
	}
	select {
	case d.wake <- struct{}{}:
	default: // it is awake
	}
	return t, nil
}

// write writes what was appended until stop. A failure is tried again with the
// next test, and at the end reported by Close.
func (d *Database) write() {
	defer close(d.done)
	for {
		select {
		case <-d.wake:
			select {
			case <-time.After(gather):
			case <-d.stop:
			}
			_ = d.flush(context.Background()) // what was not written stays pending
		case <-d.stop:
			return
		}
	}
}

// flush writes all that waits in one transaction, or nothing.
func (d *Database) flush(ctx context.Context) (err error) {
	d.flushing.Lock()
	defer d.flushing.Unlock()
	d.waiting.Lock()
	batch := d.pending
	d.pending = nil
	d.waiting.Unlock()
	if len(batch) == 0 {
		return nil
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("record %d tests: %w", len(batch), err)
			d.waiting.Lock()
			d.pending = append(batch, d.pending...)
			d.waiting.Unlock()
		}
	}()
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for _, t := range batch {
		if _, err := tx.ExecContext(ctx, insertTest, t.Function, t.Provider, int64(t.RoundTrip), string(t.Class), t.Error, t.At.UnixNano()); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}
