package mpsc

import "errors"

// Errors of the package; compare with errors.Is.
var (
	ErrUnknownProvider = errors.New("no such provider is configured")
	ErrUnknownSchedule = errors.New("no such schedule")
	ErrNoCredentials   = errors.New("credentials are missing in the environment")
	ErrBadPayload      = errors.New("the payload is not JSON")
	ErrBadSchedule     = errors.New("the schedule cannot be used")
	ErrNoProvider      = errors.New("no provider satisfies the schedule")
	ErrNoSandbox       = errors.New("user schedules need a sandbox: no Python runtime is available to this platform")
)
