package snapshot

// Common is the pages that are in both lists of ranges, which are sorted and each without
// overlaps.
func Common(a, b []Range) []Range {
	var both []Range
	for len(a) > 0 && len(b) > 0 {
		from := max(a[0].VPN, b[0].VPN)
		endA, endB := a[0].VPN+a[0].Pages, b[0].VPN+b[0].Pages
		if to := min(endA, endB); from < to {
			both = append(both, Range{VPN: from, Pages: to - from})
		}
		if endA < endB {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return both
}
