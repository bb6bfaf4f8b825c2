package live

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
)

// hub hands the newest state to every reader. A slow reader misses states and never holds the
// hub.
type hub struct {
	mu      sync.Mutex
	readers map[*reader]struct{} // guarded by mu
	state   message              // guarded by mu
	figures message              // guarded by mu
	closed  bool                 // guarded by mu; the state is the last one
	most    int
}

// message is an event of the stream with a number that grows.
type message struct {
	number int
	data   []byte
}

// reader is one open page. Its two messages are looked up in the hub when it writes, so what
// waits for a reader takes no memory of its own.
type reader struct {
	wake           chan struct{} // holds one token while there is something new
	state, figures int           // numbers of what was sent; the reader's goroutine alone
}

var errFull = errors.New("too many readers")

// join adds a reader, which has something to send at once.
func (h *hub) join() (*reader, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.readers) >= h.most {
		return nil, fmt.Errorf("%w: %d pages are open already; close one", errFull, h.most)
	}
	r := &reader{wake: make(chan struct{}, 1)}
	r.wake <- struct{}{}
	if h.readers == nil {
		h.readers = map[*reader]struct{}{}
	}
	h.readers[r] = struct{}{}
	return r, nil
}

func (h *hub) leave(r *reader) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.readers, r)
}

// publish makes a state the newest. The figures are encoded only where they changed.
func (h *hub) publish(s State) error {
	state, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	h.mu.Lock()
	known := h.figures.number == s.Figures.Version
	h.mu.Unlock()
	var figures []byte
	if !known {
		if figures, err = json.Marshal(s.Figures); err != nil {
			return fmt.Errorf("encode figures: %w", err)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.state = message{h.state.number + 1, state}
	if !known {
		h.figures = message{s.Figures.Version, figures}
	}
	h.closed = s.Ended != ""
	for r := range h.readers {
		select {
		case r.wake <- struct{}{}:
		default: // the reader is behind, and finds the newest when it comes
		}
	}
	return nil
}

// next is what a reader has not been sent yet. last tells that nothing will follow.
func (h *hub) next(r *reader) (state, figures []byte, last bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.state.number != r.state {
		r.state, state = h.state.number, h.state.data
	}
	if h.figures.number != r.figures {
		r.figures, figures = h.figures.number, h.figures.data
	}
	return state, figures, h.closed
}
