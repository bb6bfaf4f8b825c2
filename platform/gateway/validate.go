package gateway

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/platform/store"
)

// Bounds of a function's configuration (AWS Lambda quotas and API reference).
const (
	defaultTimeout = 3 * time.Second
	maxTimeout     = 900 // seconds
	defaultMemory  = 128
	minMemory      = 128   // MB
	maxMemory      = 10240 // MB
	maxEnvironment = 4 << 10
	maxProcesses   = 1024 // and threads, of an execution environment
)

var (
	handlerName     = regexp.MustCompile(`^[^\s]{1,128}$`)
	environmentName = regexp.MustCompile(`^[a-zA-Z]([a-zA-Z0-9_])+$`)
)

// apply writes the settings that a request sent into fn, and checks fn.
func (g *Gateway) apply(s settings, fn *store.Function) error {
	if len(s.Layers) > 0 || len(s.FileSystemConfigs) > 0 {
		return invalid("this platform has no layers and no file systems: put what the function needs into its package")
	}
	set(&fn.Runtime, s.Runtime)
	set(&fn.Handler, s.Handler)
	set(&fn.Role, s.Role)
	set(&fn.Description, s.Description)
	set(&fn.MemoryMB, s.MemorySize)
	if s.Timeout != nil {
		fn.Timeout = time.Duration(*s.Timeout) * time.Second
	}
	if s.Environment != nil {
		fn.Environment = s.Environment.Variables
	}
	return g.check(fn)
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

func (g *Gateway) check(fn *store.Function) error {
	switch seconds := fn.Timeout / time.Second; {
	case !slices.Contains(g.cfg.Runtimes, fn.Runtime):
		return invalid(fmt.Sprintf("Value '%s' at 'runtime' failed to satisfy constraint: Member must satisfy "+
			"enum value set: [%s]; others are not installed on this platform",
			fn.Runtime, strings.Join(g.cfg.Runtimes, ", ")))
	case !handlerName.MatchString(fn.Handler):
		return invalid("Value '" + fn.Handler +
			"' at 'handler' failed to satisfy constraint: 1 to 128 characters without a space, such as index.handler")
	case seconds < 1 || seconds > maxTimeout:
		return invalid(fmt.Sprintf("Value '%d' at 'timeout' failed to satisfy constraint: 1 to %d seconds", seconds,
			maxTimeout))
	case fn.MemoryMB < minMemory || fn.MemoryMB > maxMemory:
		return invalid(fmt.Sprintf("Value '%d' at 'memorySize' failed to satisfy constraint: %d to %d MB", fn.MemoryMB,
			minMemory, maxMemory))
	case len(fn.Description) > 256:
		return invalid("'description' is longer than 256 characters")
	}
	return checkEnvironment(fn.Environment)
}
