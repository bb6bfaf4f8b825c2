// Package logs keeps what invocations printed, within bounds of size and age,
// and answers CloudWatch Logs' API with it.
//
//	st, err := logs.Open(logs.Config{Dir: dir})
//	at := st.Append(logs.Of(owner, group, req, res))
//	http.Handle("POST /{$}", logs.NewAPI(logs.APIConfig{Owner: owner}, st))
//
// # What is kept
//
// One record an invocation: its START, END and REPORT lines as figures, and what
// the function printed, with the moments at which that came. The text of the
// lines is made when somebody reads them, so that an invocation that prints
// nothing costs a copy of some hundred bytes.
//
// Records of all functions follow each other in files (segments) of a directory.
// The oldest segment goes when all together exceed Config.Bytes, or when its last
// record is older than Config.Age. A deleted function's records stay until then,
// as on AWS.
//
// # What is promised
//
// A record is written to the file system within flushEvery of its Append, before a
// read, and at Close. A platform that is killed loses the records of its last
// flushEvery, and a machine that loses its power the records that the kernel had not
// written. A full disk loses records, which the platform's log tells; invocations go
// on.
package logs

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// flushEvery is how long a record waits in memory at most.
const flushEvery = 200 * time.Millisecond

// Bounds of the store's parts, in bytes.
const (
	maxSegment = 16 << 20
	minSegment = 64 << 10
	maxWaiting = 32 << 20 // of records that are not written yet; records beyond it are lost
	flushAt    = 256 << 10
)

// ErrGone says that the record was removed for its age or to make room.
var ErrGone = errors.New("the log is not kept any more")

// Config of a store; the zero value works, apart from Dir.
type Config struct {
	Dir   string
	Bytes int64         // of all records; default 256 MiB
	Age   time.Duration // after which they go; default 7 days
	Log   *slog.Logger  // default: nowhere
}

// Store keeps records. Its methods may be called from any goroutine.
//
// Locks: writing, then mu. mu is held for a copy at most; writing while a file
// is written.
type Store struct {
	cfg  Config
	wake chan struct{}
	stop chan struct{}
	done chan struct{}
	once sync.Once

	writing sync.Mutex

	mu       sync.Mutex
	segments []*segment // oldest first; the last one is appended to
	pending  []batch
	waiting  int    // bytes in pending
	spare    []byte // a written batch's buffer, for the next one; nil: none
	lost     int64  // records, since the log last said so
	failure  error  // why
	closed   bool
}

// segment is a file of records. planned and broken are guarded by Store.mu, the
// rest by Store.writing.
type segment struct {
	id      uint64
	path    string
	planned int64 // size with all that waits to be written
	broken  bool  // a write failed: nothing is appended any more

	written int64
	last    time.Time // End of its last record
	file    *os.File  // while it is appended to
	index   *index    // of a segment that is complete; nil until somebody asks
}

// batch is the records that wait to be written to one segment.
type batch struct {
	to      *segment
	data    []byte
	records int64
	last    time.Time
}

// Position is where a record is.
type Position struct {
	Segment uint64 `json:"segment"`
	Offset  int64  `json:"offset"`
}

// Open opens a directory of records, or makes it. Close ends its goroutine.
func Open(cfg Config) (*Store, error) {
	cfg.Bytes = cmp.Or(cfg.Bytes, 256<<20)
	cfg.Age = cmp.Or(cfg.Age, 7*24*time.Hour)
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	s := &Store{cfg: cfg, wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	if err := s.open(); err != nil {
		return nil, fmt.Errorf("open logs: %w", err)
	}
	go s.run()
	return s, nil
}

func (s *Store) open() error {
	if err := os.MkdirAll(s.cfg.Dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(s.cfg.Dir)
	if err != nil {
		return err
	}
	next := uint64(1)
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), suffix)
		id, err := strconv.ParseUint(name, 16, 64)
		if !ok || err != nil {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		// A predecessor that was killed may have written a part of a record:
		// readers stop there, and nothing is appended after it.
		s.segments = append(s.segments, &segment{
			id: id, path: filepath.Join(s.cfg.Dir, e.Name()), planned: info.Size(), written: info.Size(),
			last: info.ModTime(),
		})
		next = max(next, id+1)
	}
	slices.SortFunc(s.segments, func(a, b *segment) int { return cmp.Compare(a.id, b.id) })
	s.begin(next)
	return nil
}

const suffix = ".log"

// begin appends a further segment. mu is held, or the store is not shared yet.
func (s *Store) begin(id uint64) *segment {
	seg := &segment{id: id, path: filepath.Join(s.cfg.Dir, fmt.Sprintf("%016x%s", id, suffix))}
	s.segments = append(s.segments, seg)
	return seg
}

func (s *Store) segmentBytes() int64 { return min(max(s.cfg.Bytes/16, minSegment), maxSegment) }

// Append keeps a record and says where it will be. It never waits for the disk.
func (s *Store) Append(r Record) Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	seg := s.segments[len(s.segments)-1]
	if seg.broken || seg.planned >= s.segmentBytes() {
		seg = s.begin(seg.id + 1)
	}
	at := Position{seg.id, seg.planned}
	if s.closed || s.waiting > maxWaiting {
		s.lost++
		return at
	}
	if n := len(s.pending); n == 0 || s.pending[n-1].to != seg {
		s.pending = append(s.pending, batch{to: seg, data: s.spare})
		s.spare = nil
	}
	b := &s.pending[len(s.pending)-1]
	before := len(b.data)
	b.data = r.append(b.data)
	b.records++
	b.last = r.End
	n := len(b.data) - before
	seg.planned += int64(n)
	s.waiting += n
	if s.waiting >= flushAt && s.waiting-n < flushAt {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
	return at
}

// run periodically writes the records that wait, and removes segments beyond the
// bounds.
func (s *Store) run() {
	defer close(s.done)
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for sweep := time.Now(); ; {
		select {
		case <-tick.C:
		case <-s.wake:
		case <-s.stop:
			return
		}
		s.Flush()
		if time.Since(sweep) > time.Minute {
			sweep = time.Now()
			s.writing.Lock()
			s.prune()
			s.writing.Unlock()
		}
	}
}

// Flush returns when every appended record is in the file system.
func (s *Store) Flush() {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	todo := s.pending
	s.pending, s.waiting = nil, 0
	s.mu.Unlock()
	for _, b := range todo {
		s.write(b)
		s.reuse(b.data)
	}
	s.tellLost()
}

// reuse keeps the buffer of a written batch. A buffer that grows anew in each flush
// period costs every invocation several times the bytes of its record.
func (s *Store) reuse(data []byte) {
	if cap(data) > 2*flushAt {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if cap(data) > cap(s.spare) {
		s.spare = data[:0]
	}
}

// write writes one batch. writing is held.
func (s *Store) write(b batch) {
	seg := b.to
	s.mu.Lock()
	broken := seg.broken
	s.mu.Unlock()
	var err error
	if !broken && seg.file == nil {
		seg.file, err = os.OpenFile(seg.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		s.prune()
	}
	if !broken && err == nil {
		_, err = seg.file.WriteAt(b.data, seg.written)
	}
	if !broken && err == nil {
		seg.written += int64(len(b.data))
		seg.last = b.last
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost += b.records
	if err == nil {
		return
	}
	seg.broken, s.failure = true, err
	if seg.file != nil {
		_ = seg.file.Truncate(seg.written) // readers stop at a record that is not whole
	}
}

// tellLost logs the number of lost records, once a flush. writing is held.
func (s *Store) tellLost() {
	s.mu.Lock()
	n, err := s.lost, s.failure
	s.lost, s.failure = 0, nil
	s.mu.Unlock()
	if n > 0 {
		s.cfg.Log.Error("logs of invocations are lost", "count", n, "error", err)
	}
}

// prune removes the oldest segments over the bounds, and closes all files but
// the last. writing is held.
func (s *Store) prune() {
	s.mu.Lock()
	defer s.mu.Unlock()
	var size int64
	for _, seg := range s.segments {
		size += seg.written
	}
	for len(s.segments) > 1 {
		seg := s.segments[0]
		if size <= s.cfg.Bytes && time.Since(seg.last) <= s.cfg.Age {
			break
		}
		if err := os.Remove(seg.path); err != nil && !errors.Is(err, os.ErrNotExist) {
			s.cfg.Log.Error("old logs are not removed", "error", err)
			break
		}
		size -= seg.written
		seg.close()
		s.segments = s.segments[1:]
	}
	for _, seg := range s.segments[:len(s.segments)-1] {
		if seg.planned == seg.written || seg.broken {
			seg.close()
		}
	}
}

func (g *segment) close() {
	if g.file != nil {
		_ = g.file.Close() // all was written; readers open the file anew
		g.file = nil
	}
}

// Close writes the records that wait. A second Close does nothing.
func (s *Store) Close() error {
	var err error
	s.once.Do(func() {
		close(s.stop)
		<-s.done
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		s.Flush()
		s.writing.Lock()
		defer s.writing.Unlock()
		for _, seg := range s.segments {
			if seg.file != nil {
				err = errors.Join(err, seg.file.Close())
				seg.file = nil
			}
		}
	})
	return err
}
