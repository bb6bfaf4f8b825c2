package bubblewrap

import "errors"

// errClosed: a call on a backend after its Close.
var errClosed = errors.New("the bubblewrap backend is closed")
