// Package driver is the invocation driver: the one file per language that
// every backend starts inside its sandboxes, and the host's side of the framed
// protocol that it speaks.
//
// The driver finds its channel, a byte stream, on descriptor [ChannelFD]. It
// announces itself with Hello, then serves one request after the other, and
// blocks in a read between them, so that an idle sandbox runs nothing: timers
// that a function left behind stand still, as they do on AWS Lambda.
//
// Functions follow AWS Lambda's conventions for Node.js and Python. Their
// descriptors 1 and 2 are the log, so that whatever prints is heard: console,
// print, a native library, a child process. A backend hands [Session.Log] the
// [isolation.Printer] that hears them. What a function prints while it is imported
// comes with the first invocation.
//
// How a sandbox ended is told in AWS Lambda's words by the session, the same
// for every backend: a backend hands [Session.OnEnd] a function that finds out
// the exit status and whether the memory limit was met, and closes the session
// before it ends the sandbox by its own will.
//
// A backend starts [Source] with the interpreter and hands the other end of
// the stream to [Open], or to [Greet], which also limits and prepares:
//
//	session, hello, err := driver.Open(ctx, conn)
//	err = session.Import(ctx, driver.CodeAt("/var/task"), fn)
//	result, err := session.Invoke(ctx, inv)
//
// The package starts no process and knows no backend.
package driver

import (
	_ "embed"
	"fmt"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// ChannelFD is the descriptor on which the driver finds its channel.
const ChannelFD = 3

//go:embed driver.cjs
var nodeSource []byte

//go:embed driver.py
var pythonSource []byte

// Source is the driver's source for a language and the name of its file.
func Source(lang isolation.Language) (name string, src []byte, err error) {
	switch lang {
	case isolation.NodeJS:
		return "driver.cjs", nodeSource, nil
	case isolation.Python:
		return "driver.py", pythonSource, nil
	}
	return "", nil, fmt.Errorf("no invocation driver for language %q", lang)
}

// Args are the interpreter's arguments that run the driver at path. They are
// the same for every backend.
func Args(lang isolation.Language, path string) []string {
	if lang == isolation.Python {
		return []string{"-I", "-B", "-u", path}
	}
	return []string{"--single-threaded", "--v8-pool-size=0", path}
}

// Hello is the driver's announcement.
type Hello struct {
	Protocol int    `json:"protocol"`
	Language string `json:"language"`
	Version  string `json:"version"`
	PID      int    `json:"pid"`
}
