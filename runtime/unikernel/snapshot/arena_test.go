package snapshot

import (
	"bytes"
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// capture makes a committed layer of pages with the given contents, as a capture does.
func capture(t *testing.T, a *Arena, tenant string, contents ...string) *Layer {
	t.Helper()
	first, n, err := a.Stage(len(contents))
	if err != nil {
		t.Fatal(err)
	}
	var pages []Page
	for i, c := range contents {
		slot := first + Slot(i)
		if err := a.Write(slot, append([]byte(c), make([]byte, PageSize-len(c))...)); err != nil {
			t.Fatal(err)
		}
		pages = append(pages, Page{VPN: uint32(100 + i), Slot: slot})
	}
	l := NewSmall(a, nil, tenant, pages, nil, first, n)
	if err := l.Commit(nil); err != nil {
		t.Fatal(err)
	}
	return l
}

func pageOf(t *testing.T, a *Arena, l *Layer, vpn uint32) string {
	t.Helper()
	slot, ok := l.Find(vpn)
	if !ok {
		t.Fatalf("no page %d", vpn)
	}
	p := make([]byte, PageSize)
	if err := a.Read(slot, p); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(p, a.page(slot)) {
		t.Errorf("page %d reads differently through the mapping", vpn)
	}
	return string(bytes.TrimRight(p, "\x00"))
}

func TestEqualPagesAreKeptOnceForEachTenant(t *testing.T) {
	a, err := NewArena()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	x := capture(t, a, "tenant", "common", "x")
	before := a.Bytes()
	y := capture(t, a, "tenant", "common", "y")
	if got := a.Bytes() - before; got != PageSize || y.Size() != PageSize {
		t.Errorf("a second layer with one page of its own takes %d bytes, says %d", got, y.Size())
	}
	z := capture(t, a, "other tenant", "common")
	if z.Size() != PageSize {
		t.Errorf("another tenant's page was shared: %d bytes", z.Size())
	}
	x.Close()
	if got := pageOf(t, a, y, 100) + pageOf(t, a, y, 101) + pageOf(t, a, z, 100); got != "commonycommon" {
		t.Errorf("after the first layer's end the others have %q", got)
	}
	// The page is found although the layer that brought it is gone.
	if w := capture(t, a, "tenant", "common"); w.Size() != 0 {
		t.Errorf("a page that is there was kept twice")
	} else {
		w.Close()
	}
	y.Close()
	z.Close()
	if w := capture(t, a, "tenant", "common", "y"); w.Size() != 2*PageSize || pageOf(t, a, w, 101) != "y" {
		t.Errorf("pages of layers that are gone were shared")
	}
}

func TestMemoryOfClosedLayersGoesBackToTheHost(t *testing.T) {
	a, err := NewArena()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	resident := func() int64 {
		var st unix.Stat_t
		if err := unix.Fstat(a.FD(), &st); err != nil {
			t.Fatal(err)
		}
		return st.Blocks * 512
	}
	var layers []*Layer
	for i := range 100 {
		var contents []string
		for k := range 500 {
			contents = append(contents, strconv.Itoa(i)+"/"+strconv.Itoa(k))
		}
		layers = append(layers, capture(t, a, "tenant", contents...))
	}
	full := resident()
	for i, l := range layers {
		if got := pageOf(t, a, l, 599); got != strconv.Itoa(i)+"/499" {
			t.Fatalf("layer %d has %q", i, got)
		}
		l.Close()
	}
	if a.Bytes() != int64(stageSlots)*PageSize {
		t.Errorf("%d bytes are in use, one stage is %d", a.Bytes(), stageSlots*PageSize)
	}
	if got, most := resident(), int64(2*freeSlots+stageSlots)*PageSize+int64(os.Getpagesize()); got > most ||
		full < 50000*PageSize {
		t.Errorf("%d bytes are resident of %d, want at most %d", got, full, most)
	}
	// What was given back is used again, with the new content.
	for i := range 100 {
		l := capture(t, a, "tenant", "again"+strconv.Itoa(i))
		if got := pageOf(t, a, l, 100); got != "again"+strconv.Itoa(i) {
			t.Fatalf("%q", got)
		}
	}
}

// TestPagesOfALargeLayerStayWhereTheyWereCaptured has two layers that are larger than
// a stage, with one page in common.
func TestPagesOfALargeLayerStayWhereTheyWereCaptured(t *testing.T) {
	a, err := NewArena()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	large := func(name string) []string {
		contents := make([]string, stageSlots+10)
		for i := range contents {
			contents[i] = name + strconv.Itoa(i)
		}
		contents[5] = "common"
		return contents
	}
	xs, ys := large("x"), large("y")
	x := capture(t, a, "tenant", xs...)
	if got, want := a.Bytes(), int64(len(xs))*PageSize; got != want {
		t.Errorf("%d bytes are held for %d", got, want)
	}
	top := a.top
	y := capture(t, a, "tenant", ys...)
	if a.top != top+Slot(len(ys)) || y.Size() != int64(len(ys)-1)*PageSize {
		t.Errorf("%d slots for a layer of %d pages, which says it has %d bytes of its own", a.top-top, len(ys),
			y.Size())
	}
	x.Close()
	for i, want := range ys {
		if got := pageOf(t, a, y, uint32(100+i)); got != want {
			t.Fatalf("page %d has %q, want %q", i, got, want)
		}
	}
	z := capture(t, a, "tenant", large("z")...)
	if got := pageOf(t, a, y, 105) + pageOf(t, a, z, 105); got != "commoncommon" {
		t.Errorf("the common page has %q", got)
	}
	y.Close()
	z.Close()
	if a.Bytes() != 0 || len(a.index) != 0 {
		t.Errorf("%d bytes and %d hashes are left", a.Bytes(), len(a.index))
	}
}

// A page that stayed in its stage must not be found in the arena once its slot is free.
func TestLayerThatIsClosedWhilePinnedLeavesNothingInTheIndex(t *testing.T) {
	a, err := NewArena()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	first, n, err := a.Stage(stageSlots + 1)
	if err != nil {
		t.Fatal(err)
	}
	var pages []Page
	for i := range n {
		page := make([]byte, PageSize)
		copy(page, strconv.Itoa(i+1))
		if err := a.Write(first+Slot(i), page); err != nil {
			t.Fatal(err)
		}
		pages = append(pages, Page{VPN: uint32(100 + i), Slot: first + Slot(i)})
	}
	l := NewSmall(a, nil, "tenant", pages, nil, first, n)
	l.Pin()
	if err := l.Commit(nil); err != nil {
		t.Fatal(err)
	}
	l.Close()
	l.Unpin()
	if len(a.index) != 0 || a.Bytes() != 0 {
		t.Errorf("%d pages are in the index, and %d bytes are held", len(a.index), a.Bytes())
	}
}
