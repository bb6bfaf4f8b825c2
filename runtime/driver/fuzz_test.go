package driver

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

func frame(h Header, body string) []byte { return appendFrame(nil, h, nil, nil, []byte(body)) }

func FuzzReadFrame(f *testing.F) {
	f.Add(frame(Header{Type: TypeResult, Seq: 1}, "null"))
	f.Add(frame(Header{Type: TypePrepared}, ""))
	f.Add([]byte{255, 255, 255, 255, 67, 0, 0, 0, 1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		h, payload, err := readFrame(bytes.NewReader(data))
		if err != nil {
			return
		}
		if again := appendFrame(nil, h, nil, nil, payload); !bytes.Equal(again, data[:len(again)]) {
			t.Errorf("%x read as %+v %x, written as %x", data, h, payload, again)
		}
	})
}

func FuzzParseHeader(f *testing.F) {
	f.Add(frame(Header{Type: TypeInvoke, Flags: FlagCloned, Seq: 7}, ""))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := ParseHeader(data)
		if err != nil {
			if !errors.Is(err, ErrProtocol) {
				t.Errorf("%v is no ErrProtocol", err)
			}
			return
		}
		if h.Length > h.Type.Limit() {
			t.Errorf("%+v is over its limit", h)
		}
		var back [HeaderSize]byte
		if h.Put(back[:]); !bytes.Equal(back[:], data[:HeaderSize]) {
			t.Errorf("%x written back as %x", data[:HeaderSize], back)
		}
	})
}

// babbler is a driver that says hello and then, whatever it is asked, says
// the same.
type babbler struct {
	io.Reader
	deadline time.Time
}

func (b *babbler) Write(p []byte) (int, error)   { return len(p), nil }
func (b *babbler) SetDeadline(t time.Time) error { b.deadline = t; return nil }

func FuzzSessionAgainstArbitraryReplies(f *testing.F) {
	imported := frame(Header{Type: TypeImported, Seq: 1}, "")
	f.Add(imported)
	f.Add(append(imported, frame(Header{Type: TypeResult, Seq: 2}, `{"a":1}`)...))
	failed := Header{Type: TypeResult, Seq: 2, Flags: FlagError}
	final := Header{Type: TypeResult, Seq: 2, Flags: FlagError | FlagFinal}
	f.Add(append(imported, frame(failed, `{"errorType":"E","errorMessage":"m"}`)...))
	f.Add(append(imported, frame(final, `{"errorType":"Runtime.OutOfMemory"}`)...))
	hello := frame(Header{Type: TypeHello}, `{"protocol":2}`)
	f.Fuzz(func(t *testing.T, data []byte) {
		ctx := context.Background()
		s, _, err := Open(ctx, &babbler{Reader: io.MultiReader(bytes.NewReader(hello), bytes.NewReader(data))})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Import(ctx, CodeAt("/"), isolation.Function{}); err != nil {
			return
		}
		res, err := s.Invoke(ctx, isolation.Invocation{ID: "r", Deadline: time.Now().Add(time.Minute)})
		if err != nil {
			t.Fatalf("the call was in vain: %v", err)
		}
		if (res.Outcome == isolation.OK) != (res.Error == nil) || len(res.Logs) > isolation.MaxLogBytes+100 {
			t.Errorf("%+v", res)
		}
	})
}

func TestAReplyOfAHostsTypeSetsNoMemoryAside(t *testing.T) {
	var hdr [HeaderSize]byte
	Header{Type: TypeImport, Length: MaxImportBytes}.Put(hdr[:])
	// Had it gone on to the payload, the error would be that of a short read.
	if _, _, err := readReply(bytes.NewReader(hdr[:])); !errors.Is(err, ErrProtocol) {
		t.Errorf("%v", err)
	}
}

func TestCancellationDoesNotStrikeTheNextRequest(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	go func() { // a driver that answers everything with null
		defer theirs.Close()
		theirs.Write(frame(Header{Type: TypeHello}, `{"protocol":2}`))
		for {
			h, _, err := readFrame(theirs)
			if err != nil {
				return
			}
			theirs.Write(frame(Header{Type: TypeResult, Seq: h.Seq}, "null"))
		}
	}()
	s, _, err := Open(context.Background(), ours)
	if err != nil {
		t.Fatal(err)
	}
	s.imported = true
	for range 300 {
		ctx, cancel := context.WithCancel(context.Background())
		go cancel()
		if _, err := s.Invoke(ctx, isolation.Invocation{ID: "r"}); err != nil {
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			return // the stream is out of step now, as the contract says
		}
		res, err := s.Invoke(context.Background(), isolation.Invocation{ID: "r"})
		if err != nil || res.Outcome != isolation.OK {
			t.Fatalf("%+v, %v", res, err)
		}
	}
}

func TestAnotherProtocolVersionIsRefused(t *testing.T) {
	hello := frame(Header{Type: TypeHello}, `{"protocol":99}`)
	if _, _, err := Open(context.Background(), &babbler{Reader: bytes.NewReader(hello)}); !errors.Is(err, ErrProtocol) {
		t.Errorf("%v", err)
	}
}

func TestHeaderLayout(t *testing.T) {
	var b [HeaderSize]byte
	Header{Length: 0x01020304, Type: TypeInvoke, Flags: FlagCloned, Seq: 0x05060708}.Put(b[:])
	want := []byte{4, 3, 2, 1, 2, 2, 0, 0, 8, 7, 6, 5}
	if !bytes.Equal(b[:], want) || binary.LittleEndian.Uint32(b[:]) != 0x01020304 {
		t.Errorf("header is %v, want %v", b, want)
	}
}

// readFrame reads one frame, whichever side sends it. The payload is freshly allocated.
func readFrame(r io.Reader) (Header, []byte, error) {
	h, err := readHeader(r)
	if err != nil {
		return h, nil, err
	}
	payload, err := readPayload(r, h)
	return h, payload, err
}
