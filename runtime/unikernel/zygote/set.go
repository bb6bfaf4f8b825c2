package zygote

// Set are the zygotes that hold one snapshot mapped, one like the other. A zygote
// carries out one order at a time, and every UC is some half a millisecond of
// orders, so a runtime snapshot has a zygote for each processor.
type Set []*Zygote

// Pick is the zygote with the fewest orders under way, of those that need not
// fork for a tenant: the first where none has any, so that its memory stays in the
// processors' caches. Pick is nil where all are dead.
func (s Set) Pick(t Tenancy) (best *Zygote) {
	least := int32(0)
	for _, z := range s {
		if z.dead.Load() {
			continue
		}
		w := z.orders.Load()
		if !z.pool.serves(t) {
			w += 1 << 16
		}
		if best == nil || w < least {
			best, least = z, w
		}
	}
	return best
}

// Close closes all.
func (s Set) Close() {
	for _, z := range s {
		z.Close()
	}
}
