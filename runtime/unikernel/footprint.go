package unikernel

// footprint of an idle UC, in bytes: what one of CPython that has served takes
// of its own (results/reference, table 'Density'); one of Node.js takes less.
const footprint = 2 << 20

// Footprint implements runtime.Footprinter.
func (b *Backend) Footprint() int64 { return footprint }
