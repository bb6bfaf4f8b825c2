package worker

import "io"

// grave is a sandbox or a snapshot that nobody uses any more.
type grave struct {
	io.Closer
	counted bool // in Worker.closing
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
