package platform

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/process"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// caller is a load generator with one connection and no goroutine: net/http's
// client hands each request through two more, which would be measured too.
type caller struct {
	conn    net.Conn
	r       *bufio.Reader
	request []byte
}

func newCaller(b *testing.B, url, function string) *caller {
	b.Helper()
	host := strings.TrimPrefix(url, "http://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	request := fmt.Sprintf("POST /2015-03-31/functions/%s/invocations HTTP/1.1\r\nHost: %s\r\nContent-Length: "+
		"2\r\n\r\n{}", function, host)
	return &caller{conn, bufio.NewReader(conn), []byte(request)}
}

func (c *caller) call() error {
	if _, err := c.conn.Write(c.request); err != nil {
		return err
	}
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || string(body) != "null" {
		return fmt.Errorf("status %d, %q, %v", res.StatusCode, body, err)
	}
	return nil
}

// BenchmarkHotThroughGateway is a hot NOP in Node.js over HTTP on loopback,
// load generator included: how many a second with some clients, and what the
// platform adds to a call on the bare sandbox, in turns, so that both see the
// same machine.
func BenchmarkHotThroughGateway(b *testing.B) {
	in := runtimetest.Interpreter(b, isolation.NodeJS)
	r := serve(b, Config{})
	create(b, r.Client, in, "nop", sources[in.Language].nop, nil)
	for _, clients := range []int{1, 2, 4, 8} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) { throughput(b, r, clients) })
	}
	b.Run("overhead", func(b *testing.B) { overhead(b, r, in) })
}

func throughput(b *testing.B, r *running, clients int) {
	callers := make([]*caller, clients)
	var warm sync.WaitGroup
	for i := range callers {
		callers[i] = newCaller(b, r.url, "nop")
		warm.Go(func() {
			for range 50 {
				if err := callers[i].call(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	warm.Wait()
	calls := make(chan struct{}, b.N)
	for range b.N {
		calls <- struct{}{}
	}
	close(calls)
	b.ResetTimer()
	var all sync.WaitGroup
	for _, c := range callers {
		all.Go(func() {
			for range calls {
				if err := c.call(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "invocations/s")
}

func overhead(b *testing.B, r *running, in isolation.Interpreter) {
	ctx := context.Background()
	backend := process.New(process.Config{Dir: dataDir(b)})
	defer backend.Close()
	fn := isolation.Function{Name: "nop", Handler: "index.handler", Package: dataDir(b)}
	if err := os.WriteFile(filepath.Join(fn.Package, "index.js"), []byte(sources[in.Language].nop), 0o644); err != nil {
		b.Fatal(err)
	}
	sb, err := backend.Boot(ctx, isolation.BootSpec{Interpreter: in})
	if err != nil {
		b.Fatal(err)
	}
	defer sb.Close()
	if err := sb.Import(ctx, fn); err != nil {
		b.Fatal(err)
	}
	c := newCaller(b, r.url, "nop")
	inv := isolation.Invocation{ID: "7b1b4b2e-6c7f-4a6e-9d3a-0f6f0a5b8d11", Payload: []byte("{}")}
	bare := func() error {
		inv.Deadline = time.Now().Add(3 * time.Second)
		res, err := sb.Invoke(ctx, inv)
		if err == nil && res.Outcome != isolation.OK {
			err = res.Error
		}
		return err
	}
	runtimetest.InTurns(b, bare, c.call)
}
