package gateway

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/lambdabench/lambdabench/platform/body"
	"github.com/lambdabench/lambdabench/platform/dispatch"
	"github.com/lambdabench/lambdabench/platform/door"
	"github.com/lambdabench/lambdabench/platform/store"
	"github.com/lambdabench/lambdabench/platform/worker"
)

// apiError is an error in AWS Lambda's words.
type apiError struct {
	status  int
	kind    string // "ResourceNotFoundException"
	message string
}

func (e apiError) Error() string { return e.kind + ": " + e.message }

func invalid(message string) error {
	return apiError{http.StatusBadRequest, "InvalidParameterValueException", message}
}

// bodyErrors are AWS's names for errors of a body, by status.
var bodyErrors = map[int]string{
	http.StatusBadRequest:      "InvalidRequestContentException",
	http.StatusRequestTimeout:  "RequestTimeoutException",
	http.StatusTooManyRequests: "TooManyRequestsException",
}

// translate gives an error of the platform its name in AWS Lambda's API.
func translate(err error) apiError {
	var own apiError
	var tooLarge *http.MaxBytesError
	var throttled *dispatch.Throttled
	status, ofBody := body.Status(err)
	name := func(status int, kind string) apiError { return apiError{status, kind, err.Error()} }
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &tooLarge):
		return apiError{http.StatusRequestEntityTooLarge, "RequestTooLargeException",
			"Request must be smaller than " + strconv.FormatInt(tooLarge.Limit, 10) + " bytes"}
	case ofBody:
		return name(status, bodyErrors[status])
	case errors.Is(err, worker.ErrPayloadTooLarge):
		return name(http.StatusRequestEntityTooLarge, "RequestTooLargeException")
	case errors.Is(err, store.ErrNotFound):
		return name(http.StatusNotFound, "ResourceNotFoundException")
	case errors.Is(err, store.ErrExists):
		return name(http.StatusConflict, "ResourceConflictException")
	case errors.Is(err, store.ErrConflict):
		return name(http.StatusPreconditionFailed, "PreconditionFailedException")
	case errors.Is(err, store.ErrBadZip), errors.Is(err, store.ErrTooLarge), errors.Is(err, dispatch.ErrReserve):
		return name(http.StatusBadRequest, "InvalidParameterValueException")
	case errors.As(err, &throttled):
		return name(http.StatusTooManyRequests, "TooManyRequestsException")
	case errors.Is(err, worker.ErrUnknownRuntime):
		return name(http.StatusBadGateway, "InvalidRuntimeException")
	case errors.Is(err, worker.ErrNoPlace):
		return name(http.StatusTooManyRequests, "TooManyRequestsException")
	case errors.Is(err, worker.ErrClosed), errors.Is(err, dispatch.ErrClosed):
		return apiError{http.StatusServiceUnavailable, "ServiceException", "the platform is shutting down"}
	case errors.Is(err, store.ErrDiskFull):
		return name(http.StatusBadRequest, "CodeStorageExceededException")
	}
	return name(http.StatusInternalServerError, "ServiceException")
}

// refusal is an error as AWS answers it: its name in a header, a message in the body.
func refusal(err error) door.Refusal {
	e := translate(err)
	fault := "User"
	if e.status >= http.StatusInternalServerError {
		fault = "Service"
	}
	answer := map[string]string{"Type": fault, "Message": e.message, "message": e.message}
	var throttled *dispatch.Throttled
	if errors.As(err, &throttled) {
		answer["Reason"] = string(throttled.Reason)
	}
	return door.Refusal{Status: e.status, Header: map[string]string{"X-Amzn-Errortype": e.kind}, Body: answer}
}
