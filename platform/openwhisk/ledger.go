package openwhisk

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lambdabench/lambdabench/platform/sqlite"
)

// ledger keeps activations. One goroutine writes whatever waits in one
// transaction, so that a thousand records cost one sync of the disk.
type ledger struct {
	db       *sql.DB
	file     sqlite.Place
	most     int
	mostSize int64
	queue    chan entry
	before   func()                       // called before records are written: makes the logs durable that they name
	lost     func(records int, err error) // called for records that could not be written and that nobody waits for
	done     chan struct{}                // closed: all is written

	sending sync.RWMutex // held to send to queue; acquired before mu
	closed  bool         // guarded by sending: queue is closed

	mu      sync.Mutex             // guards what follows
	fresh   map[string]*Activation // ended, and not yet on disk
	total   int
	size    int64
	failure error // of the last transaction
}

// entry is a record to write. ack, where it is not nil, gets the outcome.
type entry struct {
	record *Activation
	ended  bool
	ack    chan error
}

// queued bounds the records that wait to be written. Beyond it invocations wait.
const queued = 4096

// gather is how long records that nobody waits for are gathered.
const gather = 20 * time.Millisecond

// openLedger marks as ended what a killed predecessor had promised. lost is told
// of records that could not be written and that nobody waits for.
func openLedger(
	d *database, most int, mostSize int64, before func(), lost func(records int, err error),
) (*ledger, error) {
	db := d.sql
	l := &ledger{
		db: db, file: d.file, most: most, mostSize: mostSize, before: before, lost: lost,
		queue: make(chan entry, queued), done: make(chan struct{}), fresh: map[string]*Activation{},
	}
	if _, err := db.Exec(`UPDATE activations SET ended = 1 WHERE ended = 0`); err != nil {
		return nil, fmt.Errorf("read activations: %w", failed(err))
	}
	if err := db.QueryRow(`SELECT count(*), coalesce(sum(size), 0) FROM activations`).Scan(&l.total,
		&l.size); err != nil {
		return nil, fmt.Errorf("read activations: %w", failed(err))
	}
	go l.write()
	return l, nil
}

// close writes the records that wait and accepts no further ones. A second close does
// nothing.
func (l *ledger) close() error {
	l.sending.Lock() // senders that hold it finish: the writer still receives
	if !l.closed {
		l.closed = true
		close(l.queue)
	}
	l.sending.Unlock()
	<-l.done
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failure
}

// promise returns when a record of an activation that is about to run is on
// disk.
func (l *ledger) promise(a *Activation) error {
	return l.put(entry{record: a, ack: make(chan error, 1)})
}

// keep records an activation that has ended: get and list find it from now on. With
// durable, keep returns when the record is on disk.
func (l *ledger) keep(a *Activation, durable bool) error {
	l.mu.Lock()
	l.fresh[a.ID] = a
	l.mu.Unlock()
	e := entry{record: a, ended: true}
	if durable {
		e.ack = make(chan error, 1)
	}
	err := l.put(e)
	if errors.Is(err, errClosing) {
		l.mu.Lock()
		delete(l.fresh, a.ID)
		l.mu.Unlock()
	}
	return err
}

// put hands an entry to the writer, which answers each entry that has an ack.
func (l *ledger) put(e entry) error {
	if err := l.send(e); err != nil || e.ack == nil {
		return err
	}
	return <-e.ack
}

func (l *ledger) send(e entry) error {
	l.sending.RLock()
	defer l.sending.RUnlock()
	if l.closed {
		return errClosing
	}
	l.queue <- e
	return nil
}

func (l *ledger) write() {
	defer close(l.done)
	for e := range l.queue {
		l.commit(l.gather(e))
	}
}

// gather collects a batch: the records that wait already and, while no caller waits
// for one of them, those that come within the gather time.
func (l *ledger) gather(first entry) []entry {
	batch, urgent := []entry{first}, first.ack != nil
	timer := time.NewTimer(gather)
	defer timer.Stop()
	for len(batch) < queued && (!urgent || len(l.queue) > 0) {
		select {
		case e, more := <-l.queue:
			if !more {
				return batch
			}
			batch, urgent = append(batch, e), urgent || e.ack != nil
		case <-timer.C:
			return batch
		}
	}
	return batch
}

func (l *ledger) commit(batch []entry) {
	l.before()
	count, size, err := l.transact(batch)
	err = failed(err)
	l.mu.Lock()
	if err == nil {
		l.total, l.size = count, size
	}
	l.failure = err
	for _, e := range batch {
		if e.ended {
			delete(l.fresh, e.record.ID)
		}
	}
	l.mu.Unlock()
	unanswered := 0
	for _, e := range batch {
		if e.ack != nil {
			e.ack <- err
		} else {
			unanswered++
		}
	}
	if err != nil && unanswered > 0 {
		l.lost(unanswered, err)
	}
}

// transact writes a batch in one transaction and removes the oldest records beyond the bounds.
func (l *ledger) transact(batch []entry) (count int, size int64, err error) {
	tx, err := l.db.Begin()
	if err != nil {
		return 0, 0, err
	}
	defer tx.Rollback()
	count, size = l.total, l.size
	put, err := tx.Prepare(`INSERT OR REPLACE INTO activations (id, namespace, name, start_ms, ended, size, record)
		VALUES (?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return 0, 0, err
	}
	defer put.Close()
	for _, e := range batch {
		record, err := json.Marshal(e.record)
		if err != nil {
			return 0, 0, err
		}
		var before int64
		switch err := tx.QueryRow(`SELECT size FROM activations WHERE id = ?`, e.record.ID).Scan(&before); {
		case err == nil:
			count, size = count-1, size-before
		case !errors.Is(err, sql.ErrNoRows):
			return 0, 0, err
		}
		if _, err := put.Exec(e.record.ID, e.record.Namespace, e.record.Name, e.record.Start, e.ended, len(record),
			record); err != nil {
			return 0, 0, err
		}
		count, size = count+1, size+int64(len(record))
	}
	if count, size, err = l.prune(tx, count, size); err != nil {
		return 0, 0, err
	}
	return count, size, errors.Join(tx.Commit(), l.file.Check())
}

// prune removes the oldest ended records beyond the bounds, and a tenth more, so that
// not every transaction prunes.
func (l *ledger) prune(tx *sql.Tx, count int, size int64) (int, int64, error) {
	if count <= l.most && size <= l.mostSize {
		return count, size, nil
	}
	rows, err := tx.Query(`SELECT rowid, size FROM activations WHERE ended = 1 ORDER BY rowid`)
	if err != nil {
		return 0, 0, err
	}
	defer rows.Close()
	var last int64
	for (count > l.most-l.most/10 || size > l.mostSize-l.mostSize/10) && rows.Next() {
		var n int64
		if err := rows.Scan(&last, &n); err != nil {
			return 0, 0, err
		}
		count, size = count-1, size-n
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return 0, 0, err
	}
	_, err = tx.Exec(`DELETE FROM activations WHERE ended = 1 AND rowid <= ?`, last)
	return count, size, err
}

// filter selects activations; zero fields do not.
type filter struct {
	namespace, name string
	since, upto     int64 // ms
	limit, skip     int
}

func (f filter) where() (string, []any) {
	where, args := ` FROM activations WHERE ended = 1 AND namespace = ?`, []any{f.namespace}
	if f.name != "" {
		where, args = where+` AND name = ?`, append(args, f.name)
	}
	if f.since > 0 {
		where, args = where+` AND start_ms >= ?`, append(args, f.since)
	}
	if f.upto > 0 {
		where, args = where+` AND start_ms <= ?`, append(args, f.upto)
	}
	return where, args
}

// flush returns when every activation that ended before the call is on disk.
func (l *ledger) flush() error {
	l.mu.Lock()
	var some *Activation
	for _, a := range l.fresh {
		some = a
		break
	}
	l.mu.Unlock()
	if some == nil {
		return nil
	}
	return l.keep(some, true) // the queue is in order
}

func (l *ledger) count(f filter) (n int, err error) {
	if err := l.flush(); err != nil {
		return 0, err
	}
	where, args := f.where()
	if err := l.db.QueryRow(`SELECT count(*)`+where, args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("count activations: %w", failed(err))
	}
	return n, nil
}

// list is a page of activations, newest first.
func (l *ledger) list(f filter) ([]*Activation, error) {
	if err := l.flush(); err != nil {
		return nil, err
	}
	where, args := f.where()
	var all []*Activation
	err := each(l.db, `SELECT id, record`+where+` ORDER BY start_ms DESC, rowid DESC LIMIT ? OFFSET ?`, unread,
		func(a *Activation) { all = append(all, a) }, append(args, f.limit, f.skip)...)
	if err != nil {
		return nil, fmt.Errorf("list activations: %w", failed(err))
	}
	return all, nil
}

// unread passes over a record that cannot be decoded: the others are still
// listed.
func unread(string, error) {}

// get is an activation that has ended; nil where there is none.
func (l *ledger) get(namespace, id string) (found *Activation, err error) {
	l.mu.Lock()
	a := l.fresh[id]
	l.mu.Unlock()
	if a != nil && a.Namespace == namespace {
		return a, nil
	}
	err = each(l.db, `SELECT id, record FROM activations WHERE ended = 1 AND namespace = ? AND id = ?`, unread,
		func(a *Activation) {
			found = a
		}, namespace, id)
	if err != nil {
		return nil, fmt.Errorf("read activation %s: %w", id, failed(err))
	}
	return found, nil
}
