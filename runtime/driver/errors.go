package driver

import "errors"

// Errors of the protocol; compare with errors.Is.
var (
	// ErrProtocol: the peer sent what no driver of this version sends.
	ErrProtocol = errors.New("malformed driver protocol")

	// ErrEnded: the stream ended, so the driver's process is gone.
	ErrEnded = errors.New("the sandbox ended")
)
