// Package body reads the bodies of HTTP requests: within a size, and within a
// time. Every front door of the platform reads with it.
//
//	http.Serve(listener, body.Timed(handler, 0)) // gives each body its time
//	payload, err := body.Read(w, r, 6<<20)       // in the handler
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
	ErrSlow  = errors.New("the request's body did not arrive in time")
	ErrShort = errors.New("the request's body ended early")
)

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

// Read reads at most limit bytes, in one piece where the length is known. The
// connection has no deadline then, unless an error says that it is of no more
// use.
func Read(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	switch {
	case r.ContentLength > limit:
		return nil, tooLarge(w, r, limit)
	case r.ContentLength == 0:
		return nil, nil
	}
	body, err := whole(w, r, limit)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, fmt.Errorf("%w: %s; send it without pauses, at %d KB/s or more", ErrSlow, came(body, r), int64(time.Second/perByte)>>10)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("%w: %s", ErrShort, came(body, r))
	case err != nil:
		return nil, err
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

func whole(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength < 0 {
		body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
		if err == nil && int64(len(body)) > limit {
			err = tooLarge(w, r, limit)
		}
		return body, err
	}
	body := make([]byte, r.ContentLength)
	n, err := io.ReadFull(r.Body, body)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return body[:n], err
}
