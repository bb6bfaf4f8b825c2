// Package origin refuses requests that a web page has a visitor's browser send to a
// listener of the platform. Every listener's handler stands behind a Guard.
//
//	handler = origin.Guard(handler, []string{"lambda.example"})
//
// A browser lets a page speak to the page's own host only, and takes the page's
// word for where that host is: the owner of evil.example may have the name stand
// for 127.0.0.1 once the page is loaded (DNS rebinding). The request then has
// Host: evil.example, which no client of a loopback listener sends. So there Host
// must be localhost, an IP address or a name that the platform was given. Pages
// of other hosts are told by Origin and Sec-Fetch-Site.
package origin

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Guard has next see only requests that no foreign page sent. hosts are names,
// without a port, under which clients reach the listener, as behind a reverse
// proxy.
func Guard(next http.Handler, hosts []string) http.Handler {
	g := &guard{}
	for _, h := range hosts {
		g.hosts = append(g.hosts, canonical(h))
	}
	fetch := http.NewCrossOriginProtection() // Sec-Fetch-Site
	fetch.SetDenyHandler(http.HandlerFunc(refuseSite))
	g.next = fetch.Handler(next)
	return g
}

// Validate reports names that no host can have.
func Validate(hosts []string) error {
	for _, h := range hosts {
		if h == "" || strings.ContainsAny(h, "/:@* ") && net.ParseIP(h) == nil {
			return fmt.Errorf("hosts: %q is no name of a host: leave scheme, port and path out, as in lambda.example",
				h)
		}
	}
	return nil
}

type guard struct {
	hosts []string
	next  http.Handler
}

// ServeHTTP implements http.Handler.
func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := hostName(r.Host)
	switch {
	case loopback(r) && !g.known(name):
		refuse(w, http.StatusMisdirectedRequest,
			fmt.Sprintf("Host %q is no name of this platform: a browser may have been misled to it; "+
				"call it by localhost or its IP address, or allow the name with --host %s or hosts: [%s] in the "+
				"configuration", r.Host, name, name))
	case foreign(r):
		refuseSite(w, r)
	default:
		g.next.ServeHTTP(w, r)
	}
}

// known tells whether clients of a loopback listener call it so.
func (g *guard) known(name string) bool {
	if name == "localhost" || slices.Contains(g.hosts, name) {
		return true
	}
	_, err := netip.ParseAddr(name)
	return err == nil
}

// loopback tells whether a request came over the host's own interface. One that
// came over no connection did not.
func loopback(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && local.IP.IsLoopback()
}

// foreign tells whether a page of another origin sent a request.
func foreign(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	u, err := url.Parse(origin)
	return err != nil || !strings.EqualFold(u.Host, r.Host)
}

// hostName is a Host without its port, in canonical form.
func hostName(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return canonical(strings.Trim(host, "[]"))
}

func canonical(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

func refuseSite(w http.ResponseWriter, r *http.Request) {
	refuse(w, http.StatusForbidden,
		fmt.Sprintf("a page of another site (%.200s) had a browser send this request: the platform takes none of those",
			r.Header.Get("Origin")))
}

// refuse says why in the words of both APIs: AWS's clients show message,
// OpenWhisk's error.
func refuse(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"message": why, "error": why})
}
