package origin

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAPageReachesNothingByRebindingOrFromAnotherSite(t *testing.T) {
	handler := Guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}), []string{"Lambda.example."})
	loop, lan := net.IPv4(127, 0, 0, 1), net.IPv4(192, 0, 2, 7)
	for _, c := range []struct {
		name, method, host, origin, site string
		local                            net.IP // nil: no connection
		want                             int
		says                             string
	}{
		{"a client", "POST", "127.0.0.1:9000", "", "", loop, 204, ""},
		{"by name", "POST", "localhost:9000", "", "", loop, 204, ""},
		{"by IPv6", "GET", "[::1]:9000", "", "", loop, 204, ""},
		{"without a port", "GET", "127.0.0.1", "", "", loop, 204, ""},
		{"another address of the host", "GET", "192.0.2.7:9000", "", "", loop, 204, ""},
		{"allowed", "GET", "LAMBDA.example", "", "", loop, 204, ""},
		{"allowed, by its own page", "POST", "lambda.example:9000", "http://lambda.example:9000", "", loop, 204, ""},
		{"rebinding", "POST", "evil.example:9000", "http://evil.example:9000", "same-origin", loop, 421,
			"--host evil.example"},
		{"rebinding, GET", "GET", "evil.example:9000", "", "same-origin", loop, 421, "hosts: [evil.example]"},
		{"no Host", "GET", "", "", "", loop, 421, "--host"},
		{"like localhost", "GET", "localhost.evil.example", "", "", loop, 421, ""},
		{"like an address", "GET", "127.0.0.1.evil.example", "", "", loop, 421, ""},
		{"another site", "POST", "127.0.0.1:9000", "http://evil.example", "cross-site", loop, 403,
			"http://evil.example"},
		{"another site, GET", "GET", "127.0.0.1:9000", "http://evil.example", "", loop, 403, "another site"},
		{"another port", "POST", "127.0.0.1:9000", "http://127.0.0.1:3000", "", loop, 403, ""},
		{"a sandboxed frame", "POST", "127.0.0.1:9000", "null", "", loop, 403, ""},
		{"a form without Origin", "POST", "127.0.0.1:9000", "", "cross-site", loop, 403, ""},
		{"over a network", "POST", "faas.example", "", "", lan, 204, ""},
		{"over a network, another site", "POST", "faas.example", "http://evil.example", "", lan, 403, ""},
		{"without a connection", "POST", "example.com", "", "", nil, 204, ""},
	} {
		r := httptest.NewRequest(c.method, "/", nil)
		r.Host = c.host
		if c.local != nil {
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey,
				&net.TCPAddr{IP: c.local, Port: 9000}))
		}
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if c.site != "" {
			r.Header.Set("Sec-Fetch-Site", c.site)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		body, _ := io.ReadAll(w.Body)
		if w.Code != c.want || !strings.Contains(string(body), c.says) {
			t.Errorf("%s: %d %s, want %d with %q", c.name, w.Code, body, c.want, c.says)
		}
	}
}
