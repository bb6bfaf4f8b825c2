package worker

import (
	"io"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// closeEntry is a sandbox or a snapshot that is to be closed.
type closeEntry struct {
	io.Closer
	counted bool // in Worker.closing
}

// Printed is output of a sandbox that is in no invocation's response.
type Printed struct {
	ARN, Version string // of its function
	LogStream    string
	Text         []byte
	Marks        []isolation.LogMark
}

// lastOutput is a sandbox whose output since its last invocation is reported when it
// is closed.
type lastOutput struct {
	isolation.Sandbox
	of   Printed
	tell func(Printed)
}

// Close implements io.Closer.
func (s lastOutput) Close() error {
	err := s.Sandbox.Close()
	if s.of.Text, s.of.Marks = s.Sandbox.(isolation.Printer).Printed(); len(s.of.Text) > 0 {
		s.tell(s.of)
	}
	return err
}

// closerOf is what closes the sandbox of an instance. w.mu is held.
func (w *Worker) closerOf(inst *instance) io.Closer {
	_, prints := inst.sb.(isolation.Printer)
	if !prints || inst.fn == nil || inst.fn.stream == "" || w.cfg.Printed == nil {
		return inst.sb
	}
	of := Printed{ARN: inst.fn.arn, Version: inst.fn.version, LogStream: inst.fn.stream}
	return lastOutput{inst.sb, of, w.cfg.Printed}
}

// closeLater has c closed in the background, by at most Config.Closing
// goroutines, which end when there is nothing left to close. w.mu is held.
func (w *Worker) closeLater(c io.Closer, counted bool) {
	w.closeQueue = append(w.closeQueue, closeEntry{c, counted})
	if w.closers < w.cfg.Closing {
		w.closers++
		w.goroutines.Add(1)
		go w.closeAll()
	}
}

func (w *Worker) closeAll() {
	defer w.goroutines.Done()
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.closeQueue) > 0 {
		g := w.closeQueue[0]
		w.closeQueue[0] = closeEntry{}
		w.closeQueue = w.closeQueue[1:]
		w.mu.Unlock()
		err := g.Close()
		w.report("close a sandbox or a snapshot", err)
		w.mu.Lock()
		if err != nil && w.closed {
			w.closeErrs = append(w.closeErrs, err)
		}
		if g.counted {
			w.closing--
			w.grant()
		}
	}
	w.closeQueue = nil
	w.closers--
}
