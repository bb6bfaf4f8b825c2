package analysis

import "errors"

// Errors of FillPaper; compare with errors.Is.
var (
	ErrMarker  = errors.New("a marker is missing, out of place or there twice")
	ErrUnknown = errors.New("no such block")
)
