package gateway

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/platform/door"
)

// BenchmarkInvoke is what the gateway takes of an invocation whose function
// answers at once: the handler alone, and over HTTP on a connection that stays.
func BenchmarkInvoke(b *testing.B) {
	const path = "/2015-03-31/functions/f/invocations"
	b.Run("handler", func(b *testing.B) {
		d := open(b, Config{Hooks: door.Hooks{Log: slog.New(slog.DiscardHandler)}})
		d.create(b, "f")
		b.ReportAllocs()
		for b.Loop() {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodPost, path, strings.NewReader("{}"))
			if d.gateway.ServeHTTP(w, r); w.Code != http.StatusOK {
				b.Fatal(w.Code, w.Body)
			}
		}
	})
	b.Run("loopback", func(b *testing.B) {
		d := open(b, Config{})
		d.create(b, "f")
		client := &http.Client{Transport: &http.Transport{}}
		defer client.CloseIdleConnections()
		b.ReportAllocs()
		for b.Loop() {
			res, err := client.Post(d.url+path, "application/json", strings.NewReader("{}"))
			if err != nil || res.StatusCode != http.StatusOK {
				b.Fatal(res, err)
			}
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
	})
}
