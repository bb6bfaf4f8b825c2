package isolation

import "testing"

func TestMemoryBearsSandboxesOfTwiceTheirFootprint(t *testing.T) {
	for _, c := range []struct {
		available, footprint int64
		want                 int
	}{
		{0, 8 << 20, 1},
		{16<<20 - 1, 8 << 20, 1},
		{4 << 30, 8 << 20, 256},
		{4 << 30, 2 << 20, 1024},
		{1 << 20, 0, 1 << 20},
	} {
		if got := Bears(c.available, c.footprint); got != c.want {
			t.Errorf("%d bytes bear %d sandboxes of %d, want %d", c.available, got, c.footprint, c.want)
		}
	}
}
