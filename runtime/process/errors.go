package process

import "errors"

// errClosed: a call on a backend after its Close.
var errClosed = errors.New("the process backend is closed")
