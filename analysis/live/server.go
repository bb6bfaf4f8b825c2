package live

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/netutil"
)

var (
	//go:embed live.html
	pageText string
	//go:embed live.css
	pageStyle string
	//go:embed live.js
	pageScript string
)

// Options of a server. The zero value has the defaults.
type Options struct {
	Readers  int                             // pages that may be open at a time; 0: 32
	Period   time.Duration                   // from one look at the source to the next; 0: Period
	Patience time.Duration                   // in which a reader takes an event; 0: 5 s
	Guard    func(http.Handler) http.Handler // stands before the handler; nil: none
}

const (
	defaultReaders  = 32
	defaultPatience = 5 * time.Second

	// heartbeat is the time from one comment in a silent stream to the next: the write finds
	// readers that have vanished.
	heartbeat = 15 * time.Second

	// farewell bounds the time in which readers take the last state, on a busy host too. A reader
	// that takes nothing is dropped after Options.Patience.
	farewell = 30 * time.Second
)

// Serve looks at the source and serves the page until the source has ended or ctx is done, and
// closes the listener. The source's end is no error; neither is that of ctx.
func Serve(ctx context.Context, l net.Listener, source Source, o Options) error {
	if o.Readers <= 0 {
		o.Readers = defaultReaders
	}
	if o.Patience <= 0 {
		o.Patience = defaultPatience
	}
	if o.Period <= 0 {
		o.Period = Period
	}
	h := &hub{most: o.Readers}
	first, err := source.Look(ctx)
	if err == nil {
		err = h.publish(first)
	}
	if err != nil {
		return errors.Join(err, l.Close())
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	server := &http.Server{
		Handler: handler(h, o), ReadHeaderTimeout: o.Patience, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(netutil.LimitListener(l, 2*o.Readers)) }()
	err = follow(ctx, h, source, o.Period, first.Ended != "", served)
	return errors.Join(err, shutdown(server, stop))
}

// follow publishes what the source sees until it has ended.
func follow(
	ctx context.Context, h *hub, source Source, period time.Duration, ended bool, served <-chan error,
) error {
	tick := time.NewTicker(period) // drops ticks that come while a look takes longer
	defer tick.Stop()
	for !ended {
		select {
		case <-ctx.Done():
			return nil
		case err := <-served:
			return fmt.Errorf("serve the page: %w", err)
		case <-tick.C:
		}
		s, err := source.Look(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if err := h.publish(s); err != nil {
			return err
		}
		ended = s.Ended != ""
	}
	return nil
}

// shutdown lets readers take the last state, and then ends those that did not.
func shutdown(server *http.Server, stop func()) error {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		stop() // streams end with their context, stalled writes with their deadline
		return server.Close()
	}
	return err
}

func handler(h *hub, o Options) http.Handler {
	page, policy := render()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(page) // a reader that is gone misses the page
	})
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) { stream(h, o.Patience, w, r) })
	if o.Guard != nil {
		return o.Guard(mux)
	}
	return mux
}

// render is the page and its policy: the page's own script and style, and its own server.
func render() (page []byte, policy string) {
	hash := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	text := strings.NewReplacer("{{style}}", pageStyle, "{{script}}", pageScript).Replace(pageText)
	return []byte(text), "default-src 'none'; connect-src 'self'; style-src " + hash(pageStyle) + "; script-src " +
		hash(pageScript) + "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// stream sends events until the reader leaves, does not take one in time, or has the last.
func stream(h *hub, patience time.Duration, w http.ResponseWriter, r *http.Request) {
	me, err := h.join()
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	defer h.leave(me)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	out := writer{http.NewResponseController(w), w, patience}
	for {
		var last bool
		select {
		case <-r.Context().Done():
			return
		case <-beat.C:
			err = out.event(": here\n\n")
		case <-me.wake:
			var state, figures []byte
			state, figures, last = h.next(me)
			err = out.events(figures, state)
		}
		if err != nil || last {
			return
		}
	}
}

// writer writes events, each within a deadline.
type writer struct {
	control  *http.ResponseController
	w        http.ResponseWriter
	patience time.Duration
}

// events sends the figures before the state: the last state ends the page's wait.
func (w writer) events(figures, state []byte) error {
	var text strings.Builder
	for _, e := range []struct {
		name string
		data []byte
	}{{"figures", figures}, {"state", state}} {
		if e.data != nil {
			fmt.Fprintf(&text, "event: %s\ndata: %s\n\n", e.name, e.data) // JSON has no line end
		}
	}
	return w.event(text.String())
}

func (w writer) event(text string) error {
	if err := w.control.SetWriteDeadline(time.Now().Add(w.patience)); err != nil {
		return err
	}
	if _, err := w.w.Write([]byte(text)); err != nil {
		return err
	}
	return w.control.Flush()
}
