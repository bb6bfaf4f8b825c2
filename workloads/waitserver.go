package workloads

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// WaitServer is the HTTP server that Wait functions call: it answers after the
// delay that the request asks for ("/?delay=250ms", at most a minute).
type WaitServer struct {
	listener net.Listener
	server   *http.Server
	done     chan error
}

// MaxDelay bounds what a request can ask for.
const MaxDelay = time.Minute

// StartWaitServer listens on addr, "127.0.0.1:0" for a free port that only
// this host can reach.
func StartWaitServer(addr string) (*WaitServer, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("start the server that functions wait for: %w", err)
	}
	s := &WaitServer{listener: ln, server: &http.Server{Handler: http.HandlerFunc(wait),
		ReadHeaderTimeout: time.Minute}, done: make(chan error, 1)}
	go func() { s.done <- s.server.Serve(ln) }()
	return s, nil
}

// Port is the port it listens on.
func (s *WaitServer) Port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// Host is the address it listens on.
func (s *WaitServer) Host() string { return s.listener.Addr().(*net.TCPAddr).IP.String() }

// URL is what a function calls to wait for delay. Host is the address under
// which the function sees this host; empty takes the one listened on.
func (s *WaitServer) URL(host string, delay time.Duration) string {
	if host == "" {
		host = s.Host()
	}
	u := url.URL{Scheme: "http", Host: net.JoinHostPort(host, fmt.Sprint(s.Port())), Path: "/", RawQuery: "delay=" +
		delay.String()}
	return u.String()
}

// Close ends the server and the requests that are waiting.
func (s *WaitServer) Close() error {
	err := s.server.Close()
	if serr := <-s.done; !errors.Is(serr, http.ErrServerClosed) {
		err = errors.Join(err, serr)
	}
	return err
}

func wait(w http.ResponseWriter, r *http.Request) {
	d, err := time.ParseDuration(r.URL.Query().Get("delay"))
	if err != nil || d < 0 || d > MaxDelay {
		http.Error(w, fmt.Sprintf("delay must be a duration of at most %v, such as 250ms", MaxDelay),
			http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), d)
	defer cancel()
	<-ctx.Done()
	if r.Context().Err() == nil {
		fmt.Fprintln(w, "waited", d)
	}
}
