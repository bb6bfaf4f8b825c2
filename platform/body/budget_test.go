package body_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/platform/body"
)

// begin sends the head of a request, and some of its body, and leaves the
// connection open until the test ends.
func begin(t *testing.T, srv *httptest.Server, head, some string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: localhost\r\n"+head+"\r\n\r\n"+some); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestMemoryFollowsTheBytesThatCame(t *testing.T) {
	const connections, declared = 500, 69_000_000
	var reading sync.WaitGroup
	reading.Add(connections)
	srv := httptest.NewServer(body.Bounded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reading.Done()
		body.Read(w, r, declared)
	}), body.NewBudget(0)))
	defer srv.Close()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	conns := make([]net.Conn, connections)
	for i := range conns {
		conns[i] = begin(t, srv, fmt.Sprintf("Content-Length: %d", declared), `{"a": 1`)
	}
	reading.Wait()
	runtime.ReadMemStats(&after)
	if grown := int64(after.Sys) - int64(before.Sys); grown > 128<<20 {
		t.Errorf("%d bytes each, and the process has grown by %d MB", 7, grown>>20)
	}
	for _, c := range conns {
		c.Close()
	}
}

func TestAllBodiesTogetherAreBounded(t *testing.T) {
	const size = 1 << 20
	budget := body.NewBudget(4 * size)
	read, release := make(chan error, 100), make(chan struct{})
	srv := httptest.NewServer(body.Bounded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := body.Read(w, r, 2*size)
		read <- err
		if status, ok := body.Status(err); ok {
			w.WriteHeader(status)
			return
		}
		<-release // as while a function runs
	}), budget))
	defer srv.Close()
	head, large := fmt.Sprintf("Content-Length: %d", size), strings.Repeat("x", size)
	for range 3 { // large ones have three quarters
		begin(t, srv, head, large)
		if err := <-read; err != nil {
			t.Fatal(err)
		}
	}
	refused := begin(t, srv, head, large)
	if err := <-read; !errors.Is(err, body.ErrBusy) || !strings.Contains(err.Error(), "setting bodies") {
		t.Errorf("%v, want ErrBusy", err)
	}
	refused.SetReadDeadline(time.Now().Add(time.Minute))
	if res, err := http.ReadResponse(bufio.NewReader(refused), nil); err != nil ||
		res.StatusCode != http.StatusTooManyRequests {
		t.Errorf("%+v, %v", res, err)
	}
	begin(t, srv, "Content-Length: 1000", large[:1000])
	if err := <-read; err != nil {
		t.Errorf("a small body beside large ones: %v", err)
	}
	close(release)
	for range 100 { // what was held is given back, and every body after it has room
		res, err := srv.Client().Post(srv.URL, "text/plain", io.MultiReader(strings.NewReader(large)))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if err := <-read; err == nil {
			return
		}
	}
	t.Error("no room is given back")
}

func TestAMalformedBodyIsItsClientsFault(t *testing.T) {
	srv := serve(t, reader, 0)
	for name, chunk := range map[string]string{
		"size too large":    "FFFFFFFFFFFFFFFF0\r\nx",
		"no size":           "size\r\nx",
		"negative":          "-1\r\nx",
		"no end of chunk":   "1\r\nxyz\r\n0\r\n\r\n",
		"endless extension": "1;" + strings.Repeat("x", 1<<16) + "\r\n",
	} {
		conn := begin(t, srv, "Transfer-Encoding: chunked", chunk)
		conn.SetReadDeadline(time.Now().Add(time.Minute))
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if answer, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusBadRequest ||
			!strings.Contains(string(answer), body.ErrMalformed.Error()) {
			t.Errorf("%s: %d %s", name, res.StatusCode, answer)
		}
	}
}

func TestAChunkedBodyThatIsCutShortIsNotTakenForWhole(t *testing.T) {
	got := make(chan error, 1)
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, err := body.Read(w, r, limit)
		got <- err
	}, 0)
	conn := begin(t, srv, "Transfer-Encoding: chunked", "3\r\nabc\r\n")
	conn.(*net.TCPConn).CloseWrite()
	if err := <-got; !errors.Is(err, body.ErrShort) {
		t.Errorf("%v, want ErrShort", err)
	}
}
