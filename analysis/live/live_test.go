package live

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a source that a test steers.
type script struct {
	looked chan struct{} // optional, with room for one: it has something after a look

	mu    sync.Mutex
	state State
	looks int
}

func (s *script) Look(context.Context) (State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks++
	select {
	case s.looked <- struct{}{}:
	default:
	}
	s.state.At = time.Unix(int64(s.looks), 0)
	return s.state, nil
}

func (s *script) set(change func(*State)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.state)
}

func (s *script) seen() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.looks
}

// serving is a server of a source on a loopback port.
type serving struct {
	url  string
	done chan error
	stop func()
}

const wait = time.Minute

func serve(t *testing.T, source Source, o Options) *serving {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if o.Period == 0 {
		o.Period = 5 * time.Millisecond
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &serving{url: "http://" + l.Addr().String(), done: make(chan error, 1), stop: cancel}
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		s.done <- Serve(ctx, l, source, o)
	}()
	t.Cleanup(func() {
		cancel()
		<-finished
		http.DefaultClient.CloseIdleConnections()
	})
	return s
}

// ended waits for the server's end.
func (s *serving) ended(t *testing.T) error {
	t.Helper()
	select {
	case err := <-s.done:
		s.done <- err
		return err
	case <-time.After(wait):
		t.Fatal("the server goes on")
		return nil
	}
}

// events are the events of an open page, by name and data.
type events struct {
	body io.Closer
	in   *bufio.Reader
}

func open(t *testing.T, url string) *events {
	t.Helper()
	res, err := http.Get(url + "/events")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s, %s", res.Status, res.Header.Get("Content-Type"))
	}
	return &events{res.Body, bufio.NewReader(res.Body)}
}

// next is the next event of a name. The error of the stream's end is io.EOF.
func (e *events) next(name string) (string, error) {
	for event := ""; ; {
		line, err := e.in.ReadString('\n')
		if err != nil {
			return "", err
		}
		if v, ok := strings.CutPrefix(line, "event: "); ok {
			event = strings.TrimSpace(v)
		}
		if v, ok := strings.CutPrefix(line, "data: "); ok && event == name {
			return strings.TrimSpace(v), nil
		}
	}
}

func (e *events) state(t *testing.T) (s State) {
	t.Helper()
	data, err := e.next("state")
	if err == nil {
		err = json.Unmarshal([]byte(data), &s)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// admitted asks for the events until a reader's place is free.
func admitted(t *testing.T, url string) {
	t.Helper()
	for end := time.Now().Add(wait); time.Now().Before(end); {
		res, err := http.Get(url + "/events")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return
		}
	}
	t.Fatal("no place becomes free")
}

func TestAReaderGetsTheNewestStateAtOnceAndThenEachChange(t *testing.T) {
	table := &Table{Columns: []string{"a"}}
	source := &script{state: State{Title: "first", Figures: Figures{Version: 1, Table: table}}}
	s := serve(t, source, Options{})
	e := open(t, s.url)
	if data, err := e.next("figures"); err != nil || !strings.Contains(data, `"columns":["a"]`) {
		t.Errorf("figures %q, %v", data, err)
	}
	if got := e.state(t); got.Title != "first" {
		t.Errorf("state %+v", got)
	}
	source.set(func(s *State) { s.Title = "second" })
	for e.state(t).Title != "second" {
	}
}

func TestTheServerEndsWithTheSourceAndReadersHaveTheLastState(t *testing.T) {
	source := &script{state: State{Title: "run"}}
	s := serve(t, source, Options{})
	e := open(t, s.url)
	e.state(t)
	source.set(func(s *State) { s.Ended, s.Progress = "the run is complete", &Progress{Done: 3, All: 3} })
	if err := s.ended(t); err != nil {
		t.Errorf("the end of a run is an error: %v", err)
	}
	var last State
	for {
		data, err := e.next("state")
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(data), &last); err != nil {
			t.Fatal(err)
		}
	}
	if last.Ended == "" || last.Progress == nil || last.Progress.Done != 3 {
		t.Errorf("the last state is %+v", last)
	}
	if _, err := http.Get(s.url); err == nil {
		t.Error("the port is still open")
	}
}

// stall opens a page and reads nothing.
func stall(t *testing.T, url string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.(*net.TCPConn).SetReadBuffer(1); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
	return c
}

func TestAReaderThatStallsHoldsNeitherTheSourceNorOthersAndIsDropped(t *testing.T) {
	// Some states are more than sockets hold, and one is little enough for a reader on a slow host.
	source := &script{state: State{Errors: []string{strings.Repeat("x", 1<<18)}}}
	s := serve(t, source, Options{Readers: 2, Period: 20 * time.Millisecond})
	stall(t, s.url)
	before := source.seen()
	e := open(t, s.url)
	for range 5 {
		e.state(t)
	}
	if n := source.seen(); n < before+3 { // the first state may be of the look before
		t.Errorf("%d looks while 5 states were read", n-before)
	}
	// Two readers are the most: the place of the one that stalls becomes free.
	admitted(t, s.url)
}

func TestAStalledReaderDoesNotKeepTheServerFromEnding(t *testing.T) {
	source := &script{state: State{Errors: []string{strings.Repeat("x", 8<<20)}}, looked: make(chan struct{}, 1)}
	s := serve(t, source, Options{Patience: 500 * time.Millisecond})
	stall(t, s.url)
	for source.seen() <= 3 {
		<-source.looked
	}
	source.set(func(s *State) { s.Ended = "over" })
	if err := s.ended(t); err != nil {
		t.Error(err)
	}
}

func TestReadersAreBoundedAndOneThatLeavesMakesRoom(t *testing.T) {
	s := serve(t, &script{}, Options{Readers: 1})
	e := open(t, s.url)
	e.state(t)
	res, err := http.Get(s.url + "/events")
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(res.Body)
	res.Body.Close()
	if res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(text), "close one") {
		t.Errorf("%s: %s", res.Status, text)
	}
	e.body.Close()
	admitted(t, s.url)
}

func TestASourceThatCannotBeginIsTheServersError(t *testing.T) {
	m, err := OpenMetrics("http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := serve(t, m, Options{}).ended(t); err == nil || !strings.Contains(err.Error(), "ask the platform") {
		t.Errorf("error %v", err)
	}
	for _, bad := range []string{"ftp://x", "http://", "127.0.0.1:9000"} {
		if _, err := OpenMetrics(bad); err == nil || !strings.Contains(err.Error(), "http://127.0.0.1:9000") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
