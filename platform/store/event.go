package store

import (
	"fmt"
	"time"
)

// Event is an asynchronous invocation that was accepted.
type Event struct {
	ID            string // request id, a UUID
	Name, Version string // of the function; Version may be empty
	Payload       []byte
	ClientContext []byte
	Accepted      time.Time
}

// AddEvent keeps an event until DropEvent, across restarts.
func (f *Functions) AddEvent(e Event) error {
	err := f.s.exec(`INSERT INTO events (id, door, account, name, version, payload, context, accepted)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		e.ID, f.owner.Door, f.owner.Account, e.Name, e.Version, e.Payload, e.ClientContext, e.Accepted.UnixNano())
	if err != nil {
		return fmt.Errorf("keep event %s: %w", e.ID, err)
	}
	return nil
}

// DropEvent forgets an event that has ended.
func (f *Functions) DropEvent(id string) error {
	if err := f.s.exec(`DELETE FROM events WHERE id = ? AND door = ? AND account = ?`, id, f.owner.Door,
		f.owner.Account); err != nil {
		return fmt.Errorf("drop event %s: %w", id, err)
	}
	return nil
}

// Events returns all events of the owner that are kept, oldest first.
func (f *Functions) Events() ([]Event, error) {
	rows, err := f.s.db.Query(`SELECT id, name, version, payload, context, accepted FROM events
		WHERE door = ? AND account = ? ORDER BY accepted`, f.owner.Door, f.owner.Account)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	defer rows.Close()
	var all []Event
	for rows.Next() {
		var e Event
		var accepted int64
		if err := rows.Scan(&e.ID, &e.Name, &e.Version, &e.Payload, &e.ClientContext, &accepted); err != nil {
			return nil, fmt.Errorf("read events: %w", err)
		}
		e.Accepted = time.Unix(0, accepted)
		all = append(all, e)
	}
	return all, rows.Err()
}
