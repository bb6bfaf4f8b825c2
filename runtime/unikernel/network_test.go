package unikernel

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

var fetchers = map[isolation.Language]string{
	isolation.NodeJS: `const http = require('http');
const get = (url) => new Promise((resolve, reject) => http.get(url, (res) => {
  let s = ''; res.on('data', (d) => s += d); res.on('end', () => resolve(s));
}).on('error', reject));
exports.handler = async ({ url, how }) => {
  try { return how === 'fetch' ? await (await fetch(url)).text() : await get(url); }
  catch (e) { return 'refused ' + (e.cause || e).code; }
};`,
	isolation.Python: `import urllib.request
def handler(event, context):
    try:
        return urllib.request.urlopen(event["url"], timeout=10).read().decode()
    except OSError as e:
        return "refused " + str(e)`,
}

func TestFunctionsReachWhatTheListNames(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte(strings.Repeat("hello ", 100_000)))
	}))
	defer server.Close()
	listed := strings.TrimPrefix(server.URL, "http://")
	for lang, source := range fetchers {
		t.Run(string(lang), func(t *testing.T) {
			for _, c := range []struct {
				allow []string
				how   string
				want  string
			}{{[]string{listed}, "get", "hello"}, {[]string{listed}, "fetch", "hello"}, {nil, "get", "refused"}} {
				b := newBackend(t, Config{Allow: c.allow, HibernateAfter: -1})
				snap := functionSnapshot(t, b, baseSnapshot(t, b, lang, nil), function(t, lang, source))
				sb := deployed(t, b, snap).(*sandbox)
				event, _ := json.Marshal(map[string]string{"url": server.URL, "how": c.how})
				for range 3 {
					res := runtimetest.Invoke(t, sb, string(event))
					var got string
					json.Unmarshal(res.Payload, &got)
					if !strings.HasPrefix(got, c.want) || c.want == "hello" && len(got) != 600_000 {
						t.Errorf("%v %s: %d bytes %.60s, %v %s", c.allow, c.how, len(got), got, res.Error, res.Logs)
					}
					sb.hibernate(time.Nanosecond) // unless a connection's timer runs
				}
				sb.Close()
				snap.Close()
			}
		})
	}
}

// What arrives while a UC hibernates waits for it, as in a host's socket buffer.
func TestConnectionsStandStillWhileAUCHibernates(t *testing.T) {
	sources := map[isolation.Language]string{
		isolation.NodeJS: `const net = require('net'), { once } = require('events');
let s, got = 0, ended = false;
exports.handler = async ({ port, say }) => {
  if (!s) {
    s = net.connect(port, '127.0.0.1').on('data', (d) => got += d.length).on('end', () => ended = true);
    await once(s, 'connect');
  }
  s.write(say);
  await new Promise((resolve) => setTimeout(resolve, 20));
  return [got, ended];
};`,
		isolation.Python: `import socket, threading
s, got, ended = None, 0, False
def handler(event, context):
    global s, got, ended
    if s is None:
        s = socket.create_connection(("127.0.0.1", event["port"]))
    s.sendall(event["say"].encode())
    s.settimeout(0.02)
    try:
        while not ended:
            n = len(s.recv(65536))
            got, ended = got + n, n == 0
    except TimeoutError:
        pass
    return [got, ended]`,
	}
	for lang, source := range sources {
		t.Run(string(lang), func(t *testing.T) {
			server, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			b := newBackend(t, Config{Allow: []string{server.Addr().String()}, HibernateAfter: -1})
			sb := deployed(t, b, functionSnapshot(t, b, baseSnapshot(t, b, lang, nil),
				function(t, lang, source))).(*sandbox)
			defer sb.Close()
			port := server.Addr().(*net.TCPAddr).Port
			ask := func() (got int, ended bool) {
				t.Helper()
				res := runtimetest.Invoke(t, sb, fmt.Sprintf(`{"port":%d,"say":"hello"}`, port))
				if _, err := fmt.Sscanf(strings.ReplaceAll(string(res.Payload), " ", ""), "[%d,%t]", &got,
					&ended); err != nil {
					t.Fatalf("%+v", res)
				}
				return got, ended
			}
			ask()
			conn, err := server.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			const size = 1 << 20 // more than the window of a connection
			sent := make(chan error, 1)
			rest(t, sb)
			go func() { // joined by what it sends
				_, err := conn.Write(make([]byte, size))
				sent <- err
			}()
			calls := 1
			runtimetest.Eventually(t, "all has arrived", func() bool {
				time.Sleep(10 * time.Millisecond) // for the proxy to have something for a UC that sleeps
				got, ended := ask()
				calls++
				rest(t, sb)
				if ended || got > size {
					t.Errorf("%d bytes, ended: %t", got, ended)
				}
				return got == size
			})
			if err := <-sent; err != nil {
				t.Error(err)
			}
			conn.(*net.TCPConn).CloseWrite()
			runtimetest.Eventually(t, "the end has arrived", func() bool {
				_, ended := ask()
				calls++
				return ended
			})
			said := make([]byte, calls*len("hello"))
			conn.SetReadDeadline(time.Now().Add(10 * time.Second))
			if _, err := io.ReadFull(conn, said); err != nil || string(said) != strings.Repeat("hello", calls) {
				t.Errorf("the server heard %q of %d calls, %v", said, calls, err)
			}
		})
	}
}

func TestUCWithAConnectionIsClosedWhileItHibernates(t *testing.T) {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	b := newBackend(t, Config{Allow: []string{server.Addr().String()}, HibernateAfter: -1})
	const source = "const net = require('net'), { once } = require('events');\nlet s;\nexports.handler = async " +
		"({ port }) => { s = net.connect(port, '127.0.0.1'); s.on('data', () => {}); await once(s, 'connect'); };\n"
	sb := deployed(t, b, functionSnapshot(t, b, baseSnapshot(t, b, isolation.NodeJS, nil),
		function(t, isolation.NodeJS, source))).(*sandbox)
	runtimetest.Invoke(t, sb, fmt.Sprintf(`{"port":%d}`, server.Addr().(*net.TCPAddr).Port))
	conn, err := server.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	rest(t, sb)
	conn.Write([]byte("hello"))
	time.Sleep(20 * time.Millisecond) // the proxy waits for the UC
	if err := sb.Close(); err != nil {
		t.Error(err)
	}
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if n, err := conn.Read(make([]byte, 1)); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection of a UC that is closed lives: %d bytes, %v", n, err)
	}
}
