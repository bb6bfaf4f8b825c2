package unikernel

// footprint of an idle UC, in bytes. One that hibernates keeps a fraction of it
// (results, table 'Density', state idle); one that is awake takes some times as
// much, but of those there are few: see Config.Awake.
const footprint = 512 << 10

// Footprint implements isolation.Footprinter.
func (b *Backend) Footprint() int64 { return footprint }
