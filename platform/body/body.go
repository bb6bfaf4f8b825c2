// Package body reads the bodies of HTTP requests: within a size, a time, and the
// memory that all of them may take. Every front door of the platform reads with
// it.
//
//	handler = body.Bounded(handler, body.NewBudget(0)) // all bodies together
//	handler = body.Timed(handler, 0)                   // gives each body its time
//	payload, err := body.Read(w, r, 6<<20)             // in the handler
//
// Memory follows the bytes that came, never the length that a client declares.
// Whatever is wrong with a body is its client's fault: Status has the answer.
//
// A read time-out of the server's would not do: it goes on while a function runs
// and then takes the client for gone. A body that nobody reads is bounded too:
// net/http reads its rest before it answers.
package body

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// Errors of Read; compare with errors.Is. One that is too large is a
// *http.MaxBytesError.
var (
	ErrSlow      = errors.New("the request's body did not arrive in time")
	ErrShort     = errors.New("the request's body ended early")
	ErrMalformed = errors.New("the request's body cannot be read")
)

// Status is the HTTP status that answers an error of Read. ok is false for any
// other error.
func Status(err error) (status int, ok bool) {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge, true
	case errors.Is(err, ErrSlow):
		return http.StatusRequestTimeout, true
	case errors.Is(err, ErrBusy):
		return http.StatusTooManyRequests, true
	case errors.Is(err, ErrShort), errors.Is(err, ErrMalformed):
		return http.StatusBadRequest, true
	}
	return 0, false
}

// patience is what a body may take, apart from its size.
const patience = 20 * time.Second

// perByte is what it may take longer the larger it is: 200 KB/s are enough.
const perByte = time.Second / (200 << 10)

// Timed gives each request's body its time before next sees it: wait, or 20
// seconds where wait is 0, and more for a large one.
func Timed(next http.Handler, wait time.Duration) http.Handler {
	if wait == 0 {
		wait = patience
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			deadline := time.Now().Add(wait + time.Duration(max(0, r.ContentLength))*perByte)
			http.NewResponseController(w).SetReadDeadline(deadline) // an error: not over a connection
		}
		next.ServeHTTP(w, r)
	})
}

// Read reads at most limit bytes. The connection has no deadline then, unless an
// error says that it is of no more use.
func Read(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	switch {
	case r.ContentLength > limit:
		return nil, tooLarge(w, r, limit)
	case r.ContentLength == 0:
		return nil, nil
	}
	body, err := whole(r, limit)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, tooLarge(w, r, limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, fmt.Errorf("%w: %s; send it without pauses, at %d KB/s or more", ErrSlow, came(body, r),
			int64(time.Second/perByte)>>10)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("%w: %s", ErrShort, came(body, r))
	case errors.Is(err, ErrBusy):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	http.NewResponseController(w).SetReadDeadline(time.Time{})
	return body, nil
}

// What is read and dropped of a body that is too large, and for how long: a
// client that still writes when its connection is reset may never see why it was
// refused.
const (
	drained  = 8 << 20
	draining = 5 * time.Second
)

func tooLarge(w http.ResponseWriter, r *http.Request, limit int64) error {
	// Whatever goes wrong now, the body is refused.
	if http.NewResponseController(w).SetReadDeadline(time.Now().Add(draining)) == nil {
		_, _ = io.CopyN(io.Discard, r.Body, drained)
	}
	return &http.MaxBytesError{Limit: limit}
}

// came says how much of a body there is.
func came(body []byte, r *http.Request) string {
	if r.ContentLength < 0 {
		return fmt.Sprintf("%d bytes came", len(body))
	}
	return fmt.Sprintf("%d of %d bytes came", len(body), r.ContentLength)
}

// firstPiece is what a buffer begins with: all of nearly every event.
const firstPiece = 32 << 10

// whole reads a body into a buffer that doubles as bytes come.
func whole(r *http.Request, limit int64) ([]byte, error) {
	most := limit + 1 // one byte more tells that it is too large
	if r.ContentLength >= 0 {
		most = r.ContentLength
	}
	lease, body := leaseOf(r), []byte(nil)
	for size := min(most, firstPiece); ; size = min(most, 2*size) {
		if err := lease.grow(size - int64(cap(body))); err != nil {
			return body, err
		}
		larger := make([]byte, len(body), size)
		copy(larger, body)
		n, err := fill(r.Body, larger[len(body):size])
		body = larger[:len(body)+n]
		switch {
		case errors.Is(err, io.EOF) && r.ContentLength >= 0:
			return body, io.ErrUnexpectedEOF
		case errors.Is(err, io.EOF):
			return body, nil
		case err != nil:
			return body, err
		case int64(len(body)) > limit:
			return body, &http.MaxBytesError{Limit: limit}
		case int64(len(body)) == most:
			return body, nil
		}
	}
}

// fill reads until p is full. Unlike io.ReadFull it tells a body's end, io.EOF,
// from one that is cut short, io.ErrUnexpectedEOF.
func fill(r io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var k int
		k, err = r.Read(p[n:])
		n += k
	}
	if n == len(p) {
		err = nil
	}
	return n, err
}
