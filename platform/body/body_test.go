package body_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/platform/body"
	"github.com/lambdabench/lambdabench/platform/body/bodytest"
)

const limit = 1000

// reader answers with the body, or with the error of reading it.
func reader(w http.ResponseWriter, r *http.Request) {
	b, err := body.Read(w, r, limit)
	var large *http.MaxBytesError
	switch {
	case errors.Is(err, body.ErrSlow):
		http.Error(w, err.Error(), http.StatusRequestTimeout)
	case errors.As(err, &large):
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	default:
		w.Write(b)
	}
}

func serve(t *testing.T, h http.HandlerFunc, wait time.Duration) *httptest.Server {
	srv := httptest.NewServer(body.Timed(h, wait))
	t.Cleanup(srv.Close)
	return srv
}

func TestBodiesAreReadWithinTheirLimit(t *testing.T) {
	srv := serve(t, reader, 0)
	for name, c := range map[string]struct {
		body   io.Reader
		status int
		want   string
	}{
		"none":                {nil, 200, ""},
		"small":               {strings.NewReader("abc"), 200, "abc"},
		"at the limit":        {strings.NewReader(strings.Repeat("x", limit)), 200, strings.Repeat("x", limit)},
		"too large":           {strings.NewReader(strings.Repeat("x", limit+1)), 413, "too large"},
		"chunked":             {io.MultiReader(strings.NewReader("abc")), 200, "abc"},
		"chunked, too large":  {io.MultiReader(strings.NewReader(strings.Repeat("x", limit+1))), 413, "too large"},
		"chunked, and no end": {io.MultiReader(strings.NewReader(strings.Repeat("x", 1<<20))), 413, "too large"},
	} {
		req, err := http.NewRequest(http.MethodPost, srv.URL, c.body)
		if err != nil {
			t.Fatal(err)
		}
		res, err := srv.Client().Do(req)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != c.status || !strings.Contains(string(got), c.want) {
			t.Errorf("%s: %d %s, %v; want %d with %q", name, res.StatusCode, got, err, c.status, c.want)
		}
	}
}

// A client that writes all before it reads anything, and takes longer than
// net/http waits with the reset of a connection that has unread bytes.
func TestAClientThatWritesFirstSeesWhyItsBodyWasRefused(t *testing.T) {
	srv := serve(t, reader, 0)
	const size = 6 << 20
	for name, head := range map[string]string{
		"length":  fmt.Sprintf("Content-Length: %d\r\n\r\n", size),
		"chunked": fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n", size),
	} {
		conn, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		half := strings.Repeat("x", size/2)
		_, err = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\n"+head+half)
		if err == nil {
			time.Sleep(600 * time.Millisecond)
			_, err = io.WriteString(conn, half)
		}
		if err == nil && name == "chunked" {
			_, err = io.WriteString(conn, "\r\n0\r\n\r\n")
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || res.StatusCode != 413 {
			t.Fatalf("%s: %+v, %v", name, res, err)
		}
	}
}

func TestARefusedBodyThatStallsIsNotWaitedForAsLongAsOthers(t *testing.T) {
	t.Parallel()
	conn, err := net.Dial("tcp", serve(t, reader, time.Minute).Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\nx"); err != nil {
		t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || res.StatusCode != 413 {
		t.Fatalf("%+v, %v", res, err)
	}
}

func TestABodyThatStallsIsAnErrorThatSaysSo(t *testing.T) {
	status, answer := bodytest.Stall(t, serve(t, reader, 50*time.Millisecond).URL, "POST", "/")
	if want := "the request's body did not arrive in time: 1 of 100 bytes came; send it without pauses, at 200 " +
		"KB/s or more\n"; status != 408 || answer != want {
		t.Errorf("%d %s", status, answer)
	}
}

func TestABodyThatNobodyReadsDoesNotHoldItsConnection(t *testing.T) {
	srv := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no such path", http.StatusNotFound)
	}, 50*time.Millisecond)
	if status, answer := bodytest.Stall(t, srv.URL, "POST", "/"); status != 404 ||
		!strings.Contains(answer, "no such path") {
		t.Errorf("%d %s", status, answer)
	}
}

func TestAHandlerMayTakeLongerThanItsBody(t *testing.T) {
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := body.Read(w, r, limit)
		select {
		case <-time.After(200 * time.Millisecond):
			w.Write(b)
		case <-r.Context().Done():
			t.Error("the client is taken for gone")
		}
	}, 50*time.Millisecond)
	for range 2 { // the second on the same connection
		res, err := srv.Client().Post(srv.URL, "text/plain", strings.NewReader("abc"))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(res.Body); string(b) != "abc" || err != nil {
			t.Errorf("%q, %v", b, err)
		}
		res.Body.Close()
	}
}

func TestABodyThatEndsEarlyIsAnError(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("abc"))
	r.ContentLength = 10
	_, err := body.Read(httptest.NewRecorder(), r, limit)
	if !errors.Is(err, body.ErrShort) || !strings.Contains(err.Error(), "3 of 10 bytes") {
		t.Error(err)
	}
}
