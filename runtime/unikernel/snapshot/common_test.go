package snapshot

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestCommonIsThePagesOfBoth(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	pages := func(ranges []Range) (all []uint32) {
		for _, r := range ranges {
			for i := range r.Pages {
				all = append(all, r.VPN+i)
			}
		}
		return all
	}
	draw := func() (ranges []Range) {
		for at := rng.Uint32N(5); at < 60; at += rng.Uint32N(5) {
			r := Range{VPN: at, Pages: 1 + rng.Uint32N(6)}
			ranges = append(ranges, r)
			at += r.Pages
		}
		return ranges
	}
	for range 1000 {
		a, b := draw(), draw()
		want := slices.DeleteFunc(pages(a), func(p uint32) bool { return !slices.Contains(pages(b), p) })
		if got := pages(Common(a, b)); !slices.Equal(got, want) {
			t.Fatalf("of %v and %v: %v, want %v", a, b, got, want)
		}
	}
}
