package door

import (
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// traceID matches what a client may send in X-Ray's header, X-Amzn-Trace-Id. A function
// has the header in _X_AMZN_TRACE_ID.
var traceID = regexp.MustCompile(`^[A-Za-z0-9=;:_.-]{1,512}$`)

// TraceOf is the trace of an invocation: the one that its request's headers name, or a
// trace of its own, which nobody samples, in X-Ray's format ("Tracing header" in AWS's
// X-Ray developer guide).
func TraceOf(header http.Header) string {
	if sent := header.Get("X-Amzn-Trace-Id"); traceID.MatchString(sent) {
		return sent
	}
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
