package snapshot

import (
	"bytes"
	"os"
	"testing"
)

// A page that a function changed and a run of it changed back is as in the
// runtime snapshot, but not as in the function's: a capture must keep it.
func TestPageThatWentBackToTheRuntimesContentIsCaptured(t *testing.T) {
	arena, err := NewArena()
	if err != nil {
		t.Fatal(err)
	}
	defer arena.Close()
	file, err := os.CreateTemp(t.TempDir(), "base")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	const changed, untouched = 0x400, 0x401
	first, n, err := arena.Stage(2)
	if err != nil {
		t.Fatal(err)
	}
	if err := arena.Write(first, bytes.Repeat([]byte{'f'}, PageSize)); err != nil {
		t.Fatal(err)
	}
	base := NewLarge(nil, file, []Extent{{VPN: changed, Pages: 2}}, 2*PageSize, nil)
	function := NewSmall(arena, base, "", []Page{{VPN: changed, Slot: first}}, nil, first, n)
	stage, m, err := arena.Stage(2)
	if err != nil {
		t.Fatal(err)
	}
	if err := arena.Write(stage, bytes.Repeat([]byte{'b'}, 2*PageSize)); err != nil {
		t.Fatal(err)
	}
	got := []Captured{{Extent: Extent{VPN: changed, Pages: 2, Off: int64(stage) * PageSize}, Flags: Same}}
	layer := arena.NewChild(function, "", got, nil, stage, m)
	if slot, ok := layer.Find(changed); !ok || slot != stage {
		t.Error("the page that went back is not in the layer: a deploy would show the function's")
	}
	if _, ok := layer.Find(untouched); ok {
		t.Error("a page that nobody changed is in the layer")
	}

	// Zeros lie beneath a page that the guest discarded, whatever the zygote has there.
	for name, below := range map[string]*Layer{"runtime": base, "function": function} {
		layer := arena.NewChild(below, "", got, []Range{{VPN: changed, Pages: 2}}, stage, m)
		if slot, ok := layer.Find(untouched); !ok || slot != stage+1 {
			t.Errorf("over the %s: a page that was discarded and written again as it was is not in the layer: a "+
				"deploy would show zeros", name)
		}
	}
}
