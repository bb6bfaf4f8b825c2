package logs

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Query selects events of one group of an owner.
type Query struct {
	Owner, Group string
	Streams      []string // none: all
	Prefix       string   // of streams

	// Since and Until bound the time. A record is selected if its invocation ended
	// after Since, since a record is written when its invocation ends: a client that
	// polls for events since the last one misses nothing of a long invocation.
	Since, Until time.Time // zero: no bound

	Match func(message string) bool // nil: all

	inside func(time.Time) bool // nil: see Since and Until
}

// place is an event's place in the store.
type place struct {
	Position
	line int
}

func (p place) before(q place) bool {
	if p.Segment != q.Segment {
		return p.Segment < q.Segment
	}
	if p.Offset != q.Offset {
		return p.Offset < q.Offset
	}
	return p.line < q.line
}

func (p place) String() string { return fmt.Sprintf("%d:%d:%d", p.Segment, p.Offset, p.line) }

var errToken = errors.New("the token is none of this store's")

func parsePlace(text string) (p place, err error) {
	if _, err := fmt.Sscanf(text, "%d:%d:%d", &p.Segment, &p.Offset, &p.line); err != nil || p.Offset < 0 ||
		p.line < 0 || p.String() != text {
		return place{}, errToken
	}
	return p, nil
}

// place is where the event is.
func (e Event) place() place { return place{e.record, e.line} }

// selects tells whether a record has events for the query.
func (q *Query) selects(r *Record) bool {
	return r.Owner == q.Owner && r.Group == q.Group &&
		(q.Since.IsZero() || r.End.After(q.Since) || r.End.Equal(q.Since)) &&
		(q.Until.IsZero() || !r.Start.After(q.Until)) &&
		(len(q.Streams) == 0 || slices.Contains(q.Streams, r.Stream)) && strings.HasPrefix(r.Stream, q.Prefix)
}

// takes reports whether the query has an event of a selected record. It has the whole
// log of an invocation that ended after Since.
func (q *Query) takes(r *Record, e *Event) bool {
	if q.inside != nil {
		return q.inside(e.At)
	}
	if !q.Since.IsZero() && !r.End.After(q.Since) && e.At.Before(q.Since) {
		return false
	}
	return (q.Until.IsZero() || !e.At.After(q.Until)) && (q.Match == nil || q.Match(e.Message))
}

// walk calls do with the query's events from a place on, in the order in which
// they were stored, until do returns false.
func (s *Store) walk(q Query, from place, do func(Event) bool) error {
	for _, v := range s.views() {
		if v.id < from.Segment || !q.Since.IsZero() && v.sealed != nil && v.last.Before(q.Since.Truncate(time.Second)) {
			continue
		}
		offset := int64(0)
		if v.id == from.Segment {
			offset = from.Offset
		}
		more := true
		err := v.each(offset, func(at Position, r Record) bool {
			if !q.selects(&r) {
				return true
			}
			for _, e := range r.events(at) {
				if !e.place().before(from) && q.takes(&r, &e) {
					if more = do(e); !more {
						return false
					}
				}
			}
			return true
		})
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// maxPage is the most that one answer carries, in bytes of messages.
const maxPage = 1 << 20

// page is up to n events from a place on; more tells whether there are others,
// and next where.
func (s *Store) page(q Query, from place, n int) (events []Event, next place, more bool, err error) {
	size := 0
	next = from
	err = s.walk(q, from, func(e Event) bool {
		if len(events) == n || size > maxPage {
			next, more = e.place(), true
			return false
		}
		size += len(e.Message)
		events = append(events, e)
		next = place{e.record, e.line + 1}
		return true
	})
	return events, next, more, err
}

// pageBefore is the last n events before a place; nil: of all.
func (s *Store) pageBefore(q Query, before *place, n int) (events []Event, err error) {
	size := 0
	err = s.walk(q, place{}, func(e Event) bool {
		if before != nil && !e.place().before(*before) {
			return false
		}
		events = append(events, e)
		size += len(e.Message)
		for len(events) > n || size > maxPage && len(events) > 1 {
			size -= len(events[0].Message)
			events = events[1:]
		}
		return true
	})
	return slices.Clip(events), err
}

// ErrPattern refuses a filter pattern that this store does not understand.
var ErrPattern = errors.New("filter patterns here are words, \"phrases in quotes\", -excluded and ?optional " +
	"ones; {JSON}, [columns] and %regular expressions% are not understood")

// Pattern reads a filter pattern (CloudWatch Logs User Guide, 'Filter pattern
// syntax'): all plain terms, none that is excluded, and one of the optional ones.
func Pattern(text string) (func(message string) bool, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, nil
	}
	if strings.ContainsRune("{[%", rune(text[0])) {
		return nil, ErrPattern
	}
	var all, none, some []string
	for rest := text; rest != ""; rest = strings.TrimSpace(rest) {
		list := &all
		switch rest[0] {
		case '-':
			list, rest = &none, rest[1:]
		case '?':
			list, rest = &some, rest[1:]
		}
		term, after, _ := strings.Cut(rest, " ")
		if strings.HasPrefix(rest, `"`) {
			var ok bool
			if term, after, ok = strings.Cut(rest[1:], `"`); !ok {
				return nil, ErrPattern
			}
		}
		if term == "" {
			return nil, ErrPattern
		}
		*list, rest = append(*list, term), after
	}
	return func(message string) bool {
		in := func(term string) bool { return strings.Contains(message, term) }
		return !slices.ContainsFunc(none, in) && !slices.ContainsFunc(all, func(t string) bool { return !in(t) }) &&
			(len(some) == 0 || slices.ContainsFunc(some, in))
	}, nil
}
