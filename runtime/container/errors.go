package container

import "errors"

// ErrFull says that there are as many containers as Config.Max, or the bridge, allow.
var ErrFull = errors.New("no further container is allowed")

var errClosed = errors.New("the backend is closed")
