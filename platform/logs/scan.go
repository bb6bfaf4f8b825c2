package logs

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"
	"time"
)

// view is a segment as it stands, to be read without a lock.
type view struct {
	id      uint64
	path    string
	written int64
	last    time.Time
	sealed  *segment // nil for one that is still appended to
}

// views writes what waits and returns all segments, oldest first.
func (s *Store) views() []view {
	s.Flush()
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []view
	for i, seg := range s.segments {
		v := view{id: seg.id, path: seg.path, written: seg.written, last: seg.last}
		if i < len(s.segments)-1 && (seg.broken || seg.planned == seg.written) {
			v.sealed = seg
		}
		if v.written > 0 {
			all = append(all, v)
		}
	}
	return all
}

// each reads the records of a segment from an offset on, until do returns false.
// It ends without an error where the segment does, was removed, or holds a record
// that is not whole.
func (v view) each(from int64, do func(Position, Record) bool) error {
	f, err := os.Open(v.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read logs: %w", err)
	}
	defer f.Close()
	in := bufio.NewReaderSize(io.NewSectionReader(f, from, v.written-from), 256<<10)
	for at := from; at < v.written; {
		body, err := readBody(in, v.written-at)
		if err != nil {
			return torn(err)
		}
		r, err := decode(body)
		if err != nil {
			return torn(err)
		}
		if !do(Position{v.id, at}, r) {
			return nil
		}
		at += headSize + int64(len(body))
	}
	return nil
}

func torn(err error) error {
	if errors.Is(err, errTorn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return fmt.Errorf("read logs: %w", err)
}

// readBody reads a record of which no more than left bytes can be there.
func readBody(in io.Reader, left int64) ([]byte, error) {
	var head [headSize]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, err
	}
	n := int64(binary.LittleEndian.Uint32(head[:]))
	if n > left-headSize {
		return nil, errTorn
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(in, body); err != nil {
		return nil, err
	}
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
		return nil, errTorn
	}
	return body, nil
}

// Read returns one record. One that was removed, or was lost, is ErrGone.
func (s *Store) Read(at Position) (Record, error) {
	all := s.views()
	i := slices.IndexFunc(all, func(v view) bool { return v.id == at.Segment })
	if i < 0 {
		return Record{}, ErrGone
	}
	var found *Record
	err := all[i].each(at.Offset, func(_ Position, r Record) bool {
		found = &r
		return false
	})
	if err == nil && found == nil {
		err = ErrGone
	}
	if err != nil {
		return Record{}, err
	}
	return *found, nil
}

// stream is what an index tells of a stream.
type stream struct {
	first, last time.Time
	bytes       int64
}

type groupKey struct{ owner, group string }

// index says which streams a segment has records of.
type index map[groupKey]map[string]*stream

func (x index) add(r Record) {
	key := groupKey{r.Owner, r.Group}
	if x[key] == nil {
		x[key] = map[string]*stream{}
	}
	x.put(key, r.Stream, stream{first: r.Start, last: r.End, bytes: int64(len(r.Text))})
}

func (x index) put(key groupKey, name string, more stream) {
	st := x[key][name]
	if st == nil {
		st = &stream{first: more.first}
		x[key][name] = st
	}
	if more.first.Before(st.first) {
		st.first = more.first
	}
	if more.last.After(st.last) {
		st.last = more.last
	}
	st.bytes += more.bytes
}

// indexOf reads a segment's index, which is kept of one that is complete.
func (s *Store) indexOf(v view) (index, error) {
	if v.sealed != nil {
		s.writing.Lock()
		known := v.sealed.index
		s.writing.Unlock()
		if known != nil {
			return *known, nil
		}
	}
	x := index{}
	err := v.each(0, func(_ Position, r Record) bool {
		x.add(r)
		return true
	})
	if err == nil && v.sealed != nil {
		s.writing.Lock()
		v.sealed.index = &x
		s.writing.Unlock()
	}
	return x, err
}

// streams are an owner's groups and their streams.
func (s *Store) streams(owner string) (map[string]map[string]*stream, error) {
	all := index{}
	for _, v := range s.views() {
		x, err := s.indexOf(v)
		if err != nil {
			return nil, err
		}
		for key, streams := range x {
			if key.owner != owner {
				continue
			}
			if all[key] == nil {
				all[key] = map[string]*stream{}
			}
			for name, st := range streams {
				all.put(key, name, *st)
			}
		}
	}
	groups := map[string]map[string]*stream{}
	for key, streams := range all {
		groups[key.group] = streams
	}
	return groups, nil
}
