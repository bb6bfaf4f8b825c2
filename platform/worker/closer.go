package worker

import (
	"io"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// grave is a sandbox or a snapshot that nobody uses any more.
type grave struct {
	io.Closer
	counted bool // in Worker.closing
}

// Printed is what a sandbox printed that no invocation's response has.
type Printed struct {
	ARN, Version string // whose function it ran
	LogStream    string
	Text         []byte
	Marks        []isolation.LogMark
}

// speaker is a sandbox whose last words are told when it is closed.
type speaker struct {
	isolation.Sandbox
	of   Printed
	tell func(Printed)
}

// Close implements io.Closer.
func (s speaker) Close() error {
	err := s.Sandbox.Close()
	if s.of.Text, s.of.Marks = s.Sandbox.(isolation.Printer).Printed(); len(s.of.Text) > 0 {
		s.tell(s.of)
	}
	return err
}

// last is what is to be closed of an instance. w.mu is held.
func (w *Worker) last(inst *instance) io.Closer {
	_, prints := inst.sb.(isolation.Printer)
	if !prints || inst.fn == nil || inst.fn.stream == "" || w.cfg.Printed == nil {
		return inst.sb
	}
	of := Printed{ARN: inst.fn.arn, Version: inst.fn.version, LogStream: inst.fn.stream}
	return speaker{inst.sb, of, w.cfg.Printed}
}

// closeLater has c closed in the background, by at most Config.Closing
// goroutines, which end when there is nothing left to close. w.mu is held.
func (w *Worker) closeLater(c io.Closer, counted bool) {
	w.graves = append(w.graves, grave{c, counted})
	if w.closers < w.cfg.Closing {
		w.closers++
		w.owned.Add(1)
		go w.closeAll()
	}
}

func (w *Worker) closeAll() {
	defer w.owned.Done()
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.graves) > 0 {
		g := w.graves[0]
		w.graves[0] = grave{}
		w.graves = w.graves[1:]
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
	w.graves = nil
	w.closers--
}
