package gateway

import (
	"encoding/hex"
	"math/rand/v2"
	"regexp"
	"strconv"
	"time"
)

// traceID is a header of X-Ray's, X-Amzn-Trace-Id. A function has the header in
// _X_AMZN_TRACE_ID.
var traceID = regexp.MustCompile(`^[A-Za-z0-9=;:_.-]{1,512}$`)

// newTraceID is the header of an invocation whose client sends none: a trace of
// its own, which nobody samples, in X-Ray's format ("Tracing header" in AWS's
// X-Ray developer guide).
func newTraceID() string {
	var random [20]byte
	for i := range random {
		random[i] = byte(rand.Uint32())
	}
	b := append(make([]byte, 0, 80), "Root=1-"...)
	b = strconv.AppendInt(b, time.Now().Unix(), 16) // eight digits until 2106
	b = hex.AppendEncode(append(b, '-'), random[:12])
	b = hex.AppendEncode(append(b, ";Parent="...), random[12:])
	return string(append(b, ";Sampled=0"...))
}
