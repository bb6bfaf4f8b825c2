package driver

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// Stream is the host's end of a channel. A net.Conn and a socket *os.File are
// streams.
type Stream interface {
	io.ReadWriter
	SetDeadline(time.Time) error
}

// Session is the host's side of the protocol. It serves one call at a time and
// refuses a second one with isolation.ErrBusy.
type Session struct {
	conn     Stream
	r        *bufio.Reader // nil while nothing of the stream is buffered
	mu       sync.Mutex    // held during a call
	seq      uint32
	buf      []byte // scratch for the next request
	imported bool
	over     error  // how the driver's last invocation ended it; nil: it serves
	clone    uint32 // process id of a clone that was not told yet; 0: none
	closed   atomic.Bool
	learnEnd func() End
	printed  isolation.Printer // nil: nobody hears what the driver prints
}

// Log makes the session put the text of a printer into the results. Call it before
// the first request.
func (s *Session) Log(printed isolation.Printer) { s.printed = printed }

// OnEnd sets the function that the session asks how a driver ended whose stream
// ended. learn may wait for the process, for a bounded time. Call it before the
// first request.
func (s *Session) OnEnd(learn func() End) { s.learnEnd = learn }

// Close ends the stream. A call that is under way, and every further one,
// returns isolation.ErrClosed.
func (s *Session) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	// The deadline wakes a reader; a Stream that is a Closer is closed as well.
	err := s.conn.SetDeadline(time.Unix(1, 0))
	if c, ok := s.conn.(io.Closer); ok {
		err = c.Close()
	}
	return err
}

// Open waits for the driver's Hello.
func Open(ctx context.Context, conn Stream) (*Session, Hello, error) {
	s := &Session{conn: conn}
	defer s.watch(ctx, time.Time{})()
	s.openReader()
	defer s.idleReader()
	h, payload, err := readReply(s.r)
	if err != nil {
		return nil, Hello{}, s.explain(ctx, "wait for the driver's hello", err)
	}
	var hello Hello
	if h.Type != TypeHello || json.Unmarshal(payload, &hello) != nil {
		return nil, Hello{}, fmt.Errorf("%w: first frame is no hello (type %d)", ErrProtocol, h.Type)
	}
	if hello.Protocol != Protocol {
		return nil, hello, fmt.Errorf("%w: driver speaks version %d, this platform %d",
			ErrProtocol, hello.Protocol, Protocol)
	}
	return s, hello, nil
}

// Prepare runs the driver's steps of anticipatory optimisation that spec names, if any. A
// training function that fails is named in the error.
func (s *Session) Prepare(ctx context.Context, spec isolation.BootSpec) error {
	if len(spec.Prepare) == 0 {
		return nil
	}
	if err := s.prepare(ctx, spec); err != nil {
		return fmt.Errorf("prepare a runtime: %w", err)
	}
	return nil
}

func (s *Session) prepare(ctx context.Context, spec isolation.BootSpec) error {
	if !s.mu.TryLock() {
		return isolation.ErrBusy
	}
	defer s.mu.Unlock()
	training, err := trainingFunctions(spec.Interpreter.Language, spec.Training)
	if err != nil {
		return err
	}
	body, err := json.Marshal(prepareRequest{Steps: spec.Prepare, Training: training})
	if err != nil {
		return err
	}
	_, err = s.request(ctx, time.Time{}, TypePrepare, TypePrepared, nil, body)
	s.drainLog() // of no function
	return err
}

// drainLog returns the text that the driver printed since the last drainLog.
func (s *Session) drainLog() ([]byte, []isolation.LogMark) {
	if s.printed == nil {
		return nil, nil
	}
	return s.printed.Printed()
}

// Import has the driver load fn from code. The function's own failures are a
// *isolation.FunctionError.
func (s *Session) Import(ctx context.Context, code Code, fn isolation.Function) error {
	if !s.mu.TryLock() {
		return isolation.ErrBusy
	}
	defer s.mu.Unlock()
	meta, err := json.Marshal(importRequest{
		Root: code.Root, Files: code.Files, Handler: fn.Handler, Environment: fn.Environment,
		Name: fn.Name, Version: fn.Version, ARN: fn.ARN, MemoryMB: fn.Limits.MemoryBytes >> 20,
		LogGroup: fn.LogGroup, LogStream: fn.LogStream, Credentials: fn.Credentials,
	})
	if err != nil {
		return fmt.Errorf("import %s: %w", fn.Name, err)
	}
	if n := len(meta) + len(code.Bytes); n > MaxImportBytes {
		return fmt.Errorf("import %s: package of %d bytes, the limit is %d", fn.Name, n, MaxImportBytes)
	}
	_, err = s.request(ctx, time.Time{}, TypeImport, TypeImported, meta, code.Bytes)
	// A package that meets the memory limit meets it in the next sandbox too.
	if errors.Is(err, isolation.ErrUndelivered) {
		if end := s.end(); !end.OutOfMemory {
			return fmt.Errorf("import %s: %w: %w", fn.Name, isolation.ErrUndelivered, end.Err())
		}
	}
	s.imported = err == nil
	return s.importError(err)
}

// importError is the error of an import with what the function printed.
func (s *Session) importError(err error) error {
	var own *isolation.FunctionError
	switch {
	case errors.Is(err, ErrEnded): // the code ended its own process while it was loaded
		end := s.end()
		var res isolation.Result
		res.Logs, res.Marks = s.drainLog()
		end.apply(&res, "-")
		own, err = res.Error, res.Error
		own.Logs, own.Marks = res.Logs, res.Marks
	case errors.As(err, &own):
		own.Logs, own.Marks = s.drainLog()
	}
	return err
}

// Invoke hands one event to the handler. The result tells of a driver that ends or
// breaks the protocol (Crashed, Malformed); a backend adds the facts that it knows,
// such as the memory limit. After an outcome that is not Alive the session
// hands no further event to the driver, whose end may take a while.
func (s *Session) Invoke(ctx context.Context, inv isolation.Invocation) (isolation.Result, error) {
	if !s.mu.TryLock() {
		return isolation.Result{}, isolation.ErrBusy
	}
	defer s.mu.Unlock()
	if !s.imported {
		return isolation.Result{}, isolation.ErrNothingToRun
	}
	if s.over != nil {
		return isolation.Result{}, fmt.Errorf("%w: %w", isolation.ErrUndelivered, s.over)
	}
	if len(inv.Payload) > isolation.MaxPayloadBytes {
		return isolation.Result{}, fmt.Errorf("%w: %d bytes, the limit is %d",
			isolation.ErrPayloadTooLarge, len(inv.Payload), isolation.MaxPayloadBytes)
	}
	start := time.Now()
	payload, err := s.request(ctx, inv.Deadline, TypeInvoke, TypeResult, invokeMeta(inv), inv.Payload)
	res := isolation.Result{Outcome: isolation.OK, Payload: payload}
	if err == nil {
		res.Logs, res.Marks = s.drainLog()
		return res, nil
	}
	if errors.Is(err, isolation.ErrUndelivered) {
		return isolation.Result{}, fmt.Errorf("%w: %w", isolation.ErrUndelivered, s.end().Err())
	}
	if inVain(err) {
		return isolation.Result{}, err
	}
	s.classify(&res, inv, start, err)
	if !res.Outcome.Alive() {
		s.over = res.Error
	}
	return res, nil
}

// inVain reports whether an error is one of the call, not of the invocation.
func inVain(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, isolation.ErrClosed)
}

// end asks the backend what became of the driver.
func (s *Session) end() End {
	if s.learnEnd == nil {
		return End{}
	}
	return s.learnEnd()
}

// classify turns a request's error into the outcome of an invocation.
func (s *Session) classify(res *isolation.Result, inv isolation.Invocation, start time.Time, err error) {
	fe := &isolation.FunctionError{Fatal: true}
	res.Payload, res.Error = nil, fe
	var own *isolation.FunctionError
	var end End
	if errors.Is(err, ErrEnded) {
		end = s.end()
	}
	res.Logs, res.Marks = s.drainLog() // after the end, for the last words
	switch {
	case errors.As(err, &own):
		res.Outcome, res.Error = isolation.Failed, own
		if own.Fatal {
			own.Message = requestError(inv.ID, own.Message)
			res.Outcome = isolation.Crashed
			if own.Type == isolation.TypeOutOfMemory {
				res.Outcome = isolation.OutOfMemory
			}
		}
	case errors.Is(err, os.ErrDeadlineExceeded):
		res.Outcome, fe.Type = isolation.TimedOut, isolation.TypeTimedOut
		fe.Message = timedOutMessage(inv.ID, inv.Deadline.Sub(start))
	case errors.Is(err, ErrProtocol):
		res.Outcome, fe.Type = isolation.Malformed, isolation.TypeMalformed
		fe.Message = requestError(inv.ID, err.Error())
	default:
		end.apply(res, inv.ID)
	}
}

// request sends one frame and reads its reply.
func (s *Session) request(ctx context.Context, deadline time.Time, send, want Type, meta, body []byte) ([]byte, error) {
	defer s.watch(ctx, deadline)()
	s.openReader()
	defer s.idleReader()
	s.seq++
	h := Header{Type: send, Seq: s.seq}
	var clone []byte
	if s.clone != 0 {
		h.Flags, clone, s.clone = FlagCloned, identity(s.clone), 0
	}
	s.buf = appendFrame(s.buf[:0], h, clone, meta, body)
	_, err := s.conn.Write(s.buf)
	if cap(s.buf) > 64<<10 {
		s.buf = nil
	}
	if err != nil {
		return nil, unread(s.explain(ctx, "send to the driver", err))
	}
	h, payload, err := readReply(s.r)
	switch {
	case err != nil:
		reset := errors.Is(err, syscall.ECONNRESET)
		if err = s.explain(ctx, "wait for the driver", err); reset {
			err = unread(err)
		}
		return nil, err
	case h.Type != want || h.Seq != s.seq:
		return nil, fmt.Errorf("%w: frame of type %d, sequence %d while waiting for %d, %d",
			ErrProtocol, h.Type, h.Seq, want, s.seq)
	case h.Flags&FlagError != 0:
		return nil, functionError(payload, h.Flags&FlagFinal != 0)
	}
	return payload, nil
}

// unread marks an ended stream of which the driver had not read the request to
// its end: a write that fails tells that, and so does ECONNRESET, which a
// socket has for a peer that closed with bytes unread (unix(7)).
func unread(err error) error {
	if errors.Is(err, ErrEnded) {
		return fmt.Errorf("%w: %w", isolation.ErrUndelivered, err)
	}
	return err
}

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 4096) }}

// openReader and idleReader: tens of thousands of idle sandboxes need no
// buffer each.
func (s *Session) openReader() {
	if s.r == nil {
		s.r = readers.Get().(*bufio.Reader)
		s.r.Reset(s.conn)
	}
}

func (s *Session) idleReader() {
	if s.r.Buffered() == 0 {
		s.r.Reset(nil)
		readers.Put(s.r)
		s.r = nil
	}
}

// watch bounds the stream's operations by deadline and ctx until the function
// that it returns is called.
func (s *Session) watch(ctx context.Context, deadline time.Time) (done func()) {
	if d, ok := ctx.Deadline(); ok && (deadline.IsZero() || d.Before(deadline)) {
		deadline = d
	}
	s.conn.SetDeadline(deadline)
	if ctx.Done() == nil {
		return func() {}
	}
	fired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		s.conn.SetDeadline(time.Unix(1, 0))
		close(fired)
	})
	return func() {
		if !stop() { // else it could strike the next request
			<-fired
		}
	}
}

// explain gives the stream's errors their meaning.
func (s *Session) explain(ctx context.Context, what string, err error) error {
	switch {
	case s.closed.Load():
		return fmt.Errorf("%s: %w", what, isolation.ErrClosed)
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", what, ctx.Err())
	case errors.Is(err, os.ErrDeadlineExceeded) && passed(ctx): // its timer lags behind ours
		return fmt.Errorf("%s: %w", what, context.DeadlineExceeded)
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, ErrProtocol):
		return fmt.Errorf("%s: %w", what, err)
	}
	return fmt.Errorf("%s: %w (%v)", what, ErrEnded, err)
}

// passed tells whether ctx has a deadline that is over.
func passed(ctx context.Context) bool {
	d, ok := ctx.Deadline()
	return ok && !time.Now().Before(d)
}

func functionError(payload []byte, final bool) error {
	fe := &isolation.FunctionError{Fatal: final}
	if err := json.Unmarshal(payload, fe); err != nil || fe.Type == "" {
		return fmt.Errorf("%w: error frame is not an error object", ErrProtocol)
	}
	return fe
}

// invokeMeta writes the small JSON before the event by hand: it is on the path
// of every hot invocation.
func invokeMeta(inv isolation.Invocation) []byte {
	b := make([]byte, 0, 96+len(inv.ClientContext))
	b = append(b, `{"id":`...)
	b = strconv.AppendQuote(b, inv.ID)
	b = append(b, `,"deadline":`...)
	b = strconv.AppendInt(b, inv.Deadline.UnixMilli(), 10)
	if len(inv.ClientContext) > 0 {
		b = append(b, `,"client":`...)
		b = append(b, inv.ClientContext...)
	}
	if inv.TraceID != "" {
		b = append(b, `,"trace":`...)
		b = strconv.AppendQuote(b, inv.TraceID)
	}
	return append(b, '}')
}
