package conformance

import (
	"slices"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// system are the cases of what a function asks of the system below it:
// sockets, files, and what becomes of both.
func (s *suite) system(t *testing.T) {
	sb := s.load(t, s.function("system.handler"))
	for _, c := range []struct{ name, do, want string }{
		{"300 refused connects, kept open", "refused_connects", "300"},
		{"listen on every address", "listen_anywhere", `"hello"`},
		{"a reset is ECONNRESET", "reset", `"ConnectionResetError"`},
		{"socket options read back", "options", "[1,1,3]"},
		{"a server ends while a client is connected", "interrupted_server", "[204,false]"},
		{"SQLite writes ahead", "write_ahead_log", `["wal",6000]`},
		{"a pipe with a name", "named_pipe", `"through"`},
		{"descriptors in messages", "descriptors", `["here","hello"]`},
		{"600 threads", "many_threads", "600"},
		{"a watched directory and file", "watched", `["rename a","change a","rename b","rename b",7]`},
	} {
		if s.node() && slices.Contains([]string{"write_ahead_log", "named_pipe", "descriptors", "many_threads"}, c.do) {
			continue // Node.js has no call for it, or none that is cheap
		}
		t.Run(c.name, func(t *testing.T) { s.wantJSON(t, sb, c.do, c.want) })
	}
}

// wantJSON compares with a compact JSON text.
func (s *suite) wantJSON(t *testing.T, sb isolation.Sandbox, do, want string) {
	t.Helper()
	wantResult(t, invoke(t, sb, `{"do":"`+do+`"}`), s.spaced(want))
}
