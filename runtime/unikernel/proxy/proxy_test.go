package proxy

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRules(t *testing.T) {
	r, err := ParseRules([]string{"api.example.com:443", "*.example.org:*", "192.0.2.7:80", "198.51.100.0/24:8080",
		"127.0.0.1:9000", "0.0.0.0/0:25"})
	if err != nil {
		t.Fatal(err)
	}
	for to, want := range map[string]bool{
		"192.0.2.7:80": true, "192.0.2.7:81": false, "192.0.2.8:80": false, "198.51.100.9:8080": true,
		"127.0.0.1:9000": true, "127.0.0.1:25": false, "127.0.0.2:9000": false, "203.0.113.1:25": true,
	} {
		if got := r.address(netip.MustParseAddrPort(to)); got != want {
			t.Errorf("%s: %v", to, got)
		}
	}
	for name, want := range map[string]bool{"API.example.com.": true, "example.com": false, "a.b.example.org": true,
		"example.org": false, "evil-example.org": false} {
		if got := r.resolves(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if r.named("api.example.com", netip.MustParseAddrPort("127.0.0.1:443")) {
		t.Error("a name leads to loopback")
	}
	var none *Rules
	if none.address(netip.MustParseAddrPort("192.0.2.7:80")) || none.resolves("a.b") {
		t.Error("no rules allow something")
	}
	for _, bad := range []string{"example.com", "example.com:0", "exa mple:80", "*:80", "a*b:1", ":80", "x:99999"} {
		if _, err := ParseRules([]string{bad}); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// guest is the other end of a proxy.
type guest struct {
	t    *testing.T
	p    *Proxy
	mu   sync.Mutex
	got  chan abi.Msg
	data map[uint32]*bytes.Buffer
}

func newGuest(t *testing.T, allow ...string) *guest {
	rules, err := ParseRules(allow)
	if err != nil {
		t.Fatal(err)
	}
	g := &guest{t: t, got: make(chan abi.Msg, 4096), data: map[uint32]*bytes.Buffer{}}
	g.p = New(rules, func(m abi.Msg, p []byte) error {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.data[m.ID] == nil {
			g.data[m.ID] = new(bytes.Buffer)
		}
		if m.Type == abi.Stream || m.Type == abi.Dgram {
			g.data[m.ID].Write(p)
		}
		g.got <- m
		return nil
	})
	t.Cleanup(g.p.Close)
	return g
}

func (g *guest) await(want abi.MsgType) abi.Msg {
	g.t.Helper()
	for {
		select {
		case m := <-g.got:
			if m.Type == want {
				return m
			}
		case <-time.After(10 * time.Second):
			g.t.Fatalf("no message of type %d came", want)
		}
	}
}

func (g *guest) open(id uint32, to string) abi.Msg {
	p := abi.AppendAddr(nil, netip.MustParseAddrPort(to))
	g.p.Handle(abi.Msg{Type: abi.Open, ID: id, Len: uint32(len(p))}, p)
	return g.await(abi.Opened)
}

// echo serves until the test ends.
func echo(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { io.Copy(c, c); c.Close() })
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return l.Addr().String()
}

func TestNothingIsAllowedByDefault(t *testing.T) {
	g := newGuest(t)
	if m := g.open(1, echo(t)); syscall.Errno(m.Arg) != syscall.ECONNREFUSED {
		t.Errorf("loopback: %v", syscall.Errno(m.Arg))
	}
	if m := g.open(2, "192.0.2.1:80"); syscall.Errno(m.Arg) != syscall.EACCES {
		t.Errorf("the world: %v", syscall.Errno(m.Arg))
	}
}

func TestHandleDoesNotWaitForAGuestThatDoesNotRead(t *testing.T) {
	reads := make(chan struct{})
	got := make(chan abi.Msg, 1000)
	p := New(nil, func(m abi.Msg, _ []byte) error {
		<-reads
		got <- m
		return nil
	})
	to := abi.AppendAddr(nil, netip.MustParseAddrPort("127.0.0.1:1"))
	for id := range uint32(cap(got)) {
		p.Handle(abi.Msg{Type: abi.Open, ID: id, Len: uint32(len(to))}, to)
	}
	close(reads)
	p.Close()
	for id := range uint32(cap(got)) {
		if m := <-got; m.ID != id || syscall.Errno(m.Arg) != syscall.ECONNREFUSED {
			t.Fatalf("answer %d is %+v", id, m)
		}
	}
}

func TestStreamKeepsToItsCredit(t *testing.T) {
	at := echo(t)
	g := newGuest(t, at)
	if m := g.open(7, at); m.Arg != 0 {
		t.Fatal(syscall.Errno(m.Arg))
	}
	const total = 3 * abi.Window
	sent, credit, received := 0, abi.Window, 0
	chunk := bytes.Repeat([]byte("x"), 32<<10)
	for received < total {
		for sent < total && credit >= len(chunk) {
			g.p.Handle(abi.Msg{Type: abi.Stream, ID: 7, Len: uint32(len(chunk))}, chunk)
			sent, credit = sent+len(chunk), credit-len(chunk)
		}
		select {
		case m := <-g.got:
			switch m.Type {
			case abi.Credit:
				credit += int(m.Arg)
			case abi.Stream:
				received += int(m.Len)
				g.p.Handle(abi.Msg{Type: abi.Credit, ID: 7, Arg: m.Len}, nil)
			default:
				t.Fatalf("%+v", m)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("stuck at %d of %d", received, total)
		}
	}
	g.p.Handle(abi.Msg{Type: abi.Fin, ID: 7}, nil)
	g.await(abi.Fin)
}

func TestGuestThatFloodsLosesItsConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // accepts and never reads
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	g := newGuest(t, l.Addr().String())
	if m := g.open(1, l.Addr().String()); m.Arg != 0 {
		t.Fatal(syscall.Errno(m.Arg))
	}
	chunk := make([]byte, 60<<10)
	for range 400 {
		g.p.Handle(abi.Msg{Type: abi.Stream, ID: 1, Len: uint32(len(chunk))}, chunk)
	}
	if m := g.await(abi.Reset); syscall.Errno(m.Arg) != syscall.EPROTO {
		t.Errorf("%v", syscall.Errno(m.Arg))
	}
}

func TestNamesOutsideTheListDoNotExist(t *testing.T) {
	g := newGuest(t, "localhost:80")
	for name, want := range map[string]dnsmessage.RCode{"example.com.": dnsmessage.RCodeNameError,
		"localhost.": dnsmessage.RCodeSuccess} {
		q := dnsmessage.Message{Header: dnsmessage.Header{ID: 5, RecursionDesired: true},
			Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(name), Type: dnsmessage.TypeA,
				Class: dnsmessage.ClassINET}}}
		packed, err := q.Pack()
		if err != nil {
			t.Fatal(err)
		}
		p := append(abi.AppendAddr(nil, netip.MustParseAddrPort("10.0.2.3:53")), packed...)
		g.p.Handle(abi.Msg{Type: abi.Dgram, ID: 3, Len: uint32(len(p))}, p)
		m := g.await(abi.Dgram)
		g.mu.Lock()
		_, rest, err := abi.ParseAddr(g.data[m.ID].Next(int(m.Len)))
		g.mu.Unlock()
		var reply dnsmessage.Message
		if err != nil || reply.Unpack(rest) != nil || reply.RCode != want || reply.ID != 5 {
			t.Errorf("%s: %+v %v", name, reply, err)
		}
		if len(reply.Answers) != 0 {
			t.Errorf("%s: an answer leads to loopback: %+v", name, reply.Answers)
		}
	}
}

func FuzzHandle(f *testing.F) {
	f.Add(uint16(abi.Open), uint32(1), uint32(0), abi.AppendAddr(nil, netip.MustParseAddrPort("127.0.0.1:1")))
	f.Add(uint16(abi.Dgram), uint32(1), uint32(0), append(abi.AppendAddr(nil, netip.MustParseAddrPort("10.0.2.3:53")),
		0, 1, 2, 3))
	f.Fuzz(func(t *testing.T, typ uint16, id, arg uint32, payload []byte) {
		p := New(nil, func(abi.Msg, []byte) error { return nil })
		p.Handle(abi.Msg{Type: abi.MsgType(typ), ID: id, Arg: arg, Len: uint32(len(payload))}, payload)
		p.Close()
	})
}
