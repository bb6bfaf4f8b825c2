// Package bodytest is for tests of servers that read bodies: a client whose body
// does not arrive.
package bodytest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Stall sends a request whose body ends after one of its 100 bytes, while the
// connection stays open, and returns the answer. A server that does not answer
// within a minute, or keeps the connection after it has, fails the test.
func Stall(t testing.TB, url, method, path string, headers ...string) (status int, answer string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	head := append([]string{method + " " + path + " HTTP/1.1", "Host: localhost", "Content-Length: 100"}, headers...)
	fmt.Fprintf(conn, "%s\r\n\r\n{", strings.Join(head, "\r\n"))
	r := bufio.NewReader(conn)
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatalf("%s %s: no answer: %v", method, path, err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	if _, err := r.ReadByte(); err != io.EOF {
		t.Errorf("%s %s: the connection stays open after the answer: %v", method, path, err)
	}
	return res.StatusCode, string(body)
}
