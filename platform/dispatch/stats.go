package dispatch

// Stats is a dispatcher's state at one moment, and its counters.
type Stats struct {
	Running   int
	Waiting   int
	Functions int    // that run, wait or have a reservation
	Reserved  int    // places that are kept for functions
	Throttled uint64 // refused since New
}

// Stats returns the dispatcher's state.
func (d *Dispatcher) Stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	return Stats{Running: d.running, Waiting: d.waiting, Functions: len(d.functions), Reserved: d.reserved,
		Throttled: d.throttled}
}
