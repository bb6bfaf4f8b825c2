package openwhisk

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"

	"github.com/lambdabench/lambdabench/platform/body"
	"github.com/lambdabench/lambdabench/platform/dispatch"
	"github.com/lambdabench/lambdabench/platform/door"
	"github.com/lambdabench/lambdabench/platform/sqlite"
	"github.com/lambdabench/lambdabench/platform/store"
	"github.com/lambdabench/lambdabench/platform/worker"
)

// apiError is an error in OpenWhisk's words (its Messages.scala).
type apiError struct {
	status  int
	message string
}

func (e apiError) Error() string { return e.message }

var (
	errUnauthorized = apiError{http.StatusUnauthorized, "The supplied authentication is invalid."}
	errNotThere     = apiError{http.StatusNotFound, "The requested resource does not exist."}
	errExists       = apiError{http.StatusConflict, "resource already exists"}
	errWrongKind    = apiError{http.StatusConflict,
		"Requested package is a binding, and bindings hold no actions of their own."}
	errClosing = apiError{http.StatusServiceUnavailable, "The platform is shutting down."}
)

func malformed(format string, args ...any) apiError {
	return apiError{http.StatusBadRequest, "The request content was malformed:\n" + fmt.Sprintf(format, args...)}
}

// translate gives an error of the platform its status in OpenWhisk's API.
func translate(err error) apiError {
	var own apiError
	var tooLarge *http.MaxBytesError
	var database *sqlite.Failure
	status, ofBody := body.Status(err)
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &tooLarge):
		return apiError{http.StatusRequestEntityTooLarge,
			fmt.Sprintf("Request larger than allowed: the limit is %d bytes.", tooLarge.Limit)}
	case ofBody && status == http.StatusBadRequest:
		return malformed("%v", err)
	case ofBody:
		return apiError{status, err.Error()}
	case errors.Is(err, store.ErrTooLarge), errors.Is(err, worker.ErrPayloadTooLarge):
		return apiError{http.StatusRequestEntityTooLarge, err.Error()}
	case errors.Is(err, store.ErrBadZip):
		return apiError{http.StatusBadRequest, err.Error()}
	case errors.Is(err, dispatch.ErrThrottled), errors.Is(err, worker.ErrNoPlace):
		return apiError{http.StatusTooManyRequests, "Too many concurrent requests in flight: " + err.Error()}
	case errors.Is(err, worker.ErrClosed), errors.Is(err, dispatch.ErrClosed):
		return errClosing
	case errors.Is(err, store.ErrDiskFull), sqlite.Full(err):
		return apiError{http.StatusInsufficientStorage,
			"The disk of the platform's data directory is full, make room on it: " + err.Error()}
	case errors.As(err, &database):
		return apiError{http.StatusInternalServerError, "The platform's database failed: " + err.Error()}
	}
	return apiError{http.StatusInternalServerError, "The platform failed: " + err.Error()}
}

// refusal is an error as OpenWhisk answers it: a message, and a code by which the log
// has the error.
func refusal(err error) door.Refusal {
	e, code := translate(err), newID()
	r := door.Refusal{
		Status: e.status, Body: map[string]string{"error": e.message, "code": code}, Attrs: []any{"code", code},
	}
	if e.status == http.StatusUnauthorized {
		r.Header = map[string]string{"WWW-Authenticate": `Basic realm="OpenWhisk"`}
	}
	return r
}

// newID is an activation's or a transaction's id: 32 hexadecimal digits.
func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails, see crypto/rand
	return hex.EncodeToString(b[:])
}
