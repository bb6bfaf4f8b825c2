package isolation

// Footprinter is a Backend that knows the memory footprint of its sandboxes. The
// default bound of their number follows from the footprint; see Bears.
type Footprinter interface {
	// Footprint is the memory that an idle sandbox takes of its own, in bytes:
	// what one more of them costs the host, page tables and other memory of the
	// kernel included, pages that it shares with others left out. It is a round
	// figure for the language that takes more.
	Footprint() int64
}

// Bears is how many sandboxes of a footprint some bytes of available memory
// bear, at least 1. Each counts twice its footprint, because a sandbox that serves
// takes more than an idle one.
func Bears(available, footprint int64) int {
	return int(max(1, available/max(1, 2*footprint)))
}

// Bounded is a Backend of which a host bears only so many sandboxes, however
// much memory there is.
type Bounded interface {
	// Bounds are all that hold on this host now, the binding one not marked:
	// it is the one with the fewest sandboxes.
	Bounds() []Bound
}

// Bound is the most sandboxes of a backend that there can be at a time.
type Bound struct {
	Sandboxes int
	By        string // what bounds them: "kernel.pid_max is 32768"
	Remedy    string // how to lift it; empty where it is the backend's configuration
}
