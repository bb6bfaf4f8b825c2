package driver

import (
	"crypto/rand"
	"encoding/binary"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// State is what a snapshot remembers of the session with its driver.
type State struct {
	Seq      uint32
	Imported bool
	Unread   bool // the driver has said something that no call has taken
}

// Hold runs f while no call can begin, and tells it where the session stands:
// for a backend that captures the driver's state. With a call under way it is
// isolation.ErrBusy.
func (s *Session) Hold(f func(State) error) error {
	if !s.mu.TryLock() {
		return isolation.ErrBusy
	}
	defer s.mu.Unlock()
	if s.closed.Load() {
		return isolation.ErrClosed
	}
	return f(State{Seq: s.seq, Imported: s.imported, Unread: s.r != nil})
}

// Resume is a session with a driver that was deployed from a snapshot: it
// continues at st on another stream. Its first request tells the driver its
// process id there, and gives it random state of its own.
func Resume(st State, pid uint32, conn Stream) *Session {
	return &Session{conn: conn, seq: st.Seq, imported: st.Imported, clone: pid}
}

// identity is what tells a clone from all others.
func identity(pid uint32) []byte {
	b := make([]byte, CloneSize)
	binary.LittleEndian.PutUint32(b, pid)
	rand.Read(b[4:])
	return b
}

// Move is this session, which is closed, with the same driver on another
// stream.
func (s *Session) Move(conn Stream) *Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Session{conn: conn, seq: s.seq, imported: s.imported, clone: s.clone, learnEnd: s.learnEnd,
		printed: s.printed}
}
