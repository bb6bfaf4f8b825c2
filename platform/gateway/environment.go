package gateway

import (
	"fmt"
	"slices"
	"strings"
)

// reserved are the variables that AWS Lambda sets itself (AWS Lambda Developer
// Guide, 'Defined runtime environment variables').
var reserved = []string{
	"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
	"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
	"AWS_LAMBDA_INITIALIZATION_TYPE",
	"AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID",
	"AWS_SECRET_ACCESS_KEY",
	"AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
}

// atStart are the variables that a runtime reads when it starts, which is before
// it has a function here.
var atStart = []string{
	"LD_LIBRARY_PATH", "LD_PRELOAD", "AWS_LAMBDA_EXEC_WRAPPER", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONMALLOC",
	"PYTHONHASHSEED",
	"PYTHONOPTIMIZE", "PYTHONDONTWRITEBYTECODE", "PYTHONWARNINGS", "PYTHONFAULTHANDLER", "PYTHONTRACEMALLOC",
	"PYTHONDEVMODE", "PYTHONUTF8",
	"NODE_EXTRA_CA_CERTS", "NODE_ICU_DATA", "NODE_V8_COVERAGE", "UV_THREADPOOL_SIZE",
}

// nodeOptions are the options of NODE_OPTIONS that the driver for Node.js can
// apply to a runtime that runs (driver.cjs, lateOptions), and whether each takes a
// value.
var nodeOptions = map[string]bool{
	"--enable-source-maps": false, "--no-warnings": false, "--no-deprecation": false, "--stack-trace-limit": true,
	"--max-old-space-size": true, "--dns-result-order": true, "--require": true, "-r": true, "--import": true,
}

func checkEnvironment(env map[string]string) error {
	size := 0
	for name, value := range env {
		size += len(name) + len(value)
		switch {
		case slices.Contains(reserved, name):
			return invalid("Lambda was unable to configure your environment variables because the environment " +
				"variables you have provided contains reserved keys that are currently not supported for " +
				"modification. Reserved keys used in this request: " + name)
		case !environmentName.MatchString(name):
			return invalid("Environment variable '" + name + "': use letters, digits and _, and a letter first")
		case slices.Contains(atStart, name):
			return invalid("Environment variable '" + name +
				"' has no effect on this platform, whose runtimes run before they have a function: set what it " +
				"sets in the function's code")
		}
	}
	if size > maxEnvironment {
		return invalid(fmt.Sprintf("Lambda was unable to configure your environment variables because the "+
			"environment variables you have provided exceeded the 4KB limit: %d bytes", size))
	}
	return checkNodeOptions(env["NODE_OPTIONS"])
}

func checkNodeOptions(text string) error {
	for words := strings.Fields(text); len(words) > 0; words = words[1:] {
		name, _, inline := strings.Cut(words[0], "=")
		takes, ok := nodeOptions[name]
		switch {
		case !ok:
			return invalid("Environment variable 'NODE_OPTIONS': '" + name +
				"' has no effect on this platform, whose runtimes run before they have a function; it knows " +
				"--enable-source-maps, --require, --import, --stack-trace-limit, --max-old-space-size, " +
				"--dns-result-order, --no-warnings and --no-deprecation")
		case takes && !inline && len(words) < 2:
			return invalid("Environment variable 'NODE_OPTIONS': '" + name + "' needs a value")
		case takes && !inline:
			words = words[1:]
		}
	}
	return nil
}
