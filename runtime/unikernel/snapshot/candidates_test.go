package snapshot

import (
	"bytes"
	"slices"
	"testing"
)

// captureOf makes a committed layer whose pages are filled with the bytes of
// content; those that the candidates have at their place come from there.
func captureOf(t *testing.T, a *Arena, e *Candidates, tenant, content string) *Layer {
	t.Helper()
	h := e.Acquire(tenant)
	if h != nil {
		defer h.Release()
	}
	first, n, err := a.Stage(len(content))
	if err != nil {
		t.Fatal(err)
	}
	var pages, shared []Page
	for i := range len(content) {
		p := Page{uint32(100 + i), first + Slot(i)}
		page := bytes.Repeat([]byte{content[i]}, PageSize)
		if h != nil {
			if k, ok := find(h.Pages, p.VPN); ok && bytes.Equal(a.page(h.Pages[k].Slot), page) {
				p.Slot = h.Pages[k].Slot
				shared = append(shared, p)
			}
		}
		if p.Slot >= first && p.Slot < first+Slot(n) {
			if err := a.Write(p.Slot, page); err != nil {
				t.Fatal(err)
			}
		}
		pages = append(pages, p)
	}
	a.Hold(shared)
	l := NewSmall(a, nil, tenant, pages, nil, first, n)
	if got, want := l.Size(), int64(len(content)-len(shared))*PageSize; got != want {
		t.Errorf("a layer of %d pages, %d of them expected, has %d bytes of its own, want %d", len(content),
			len(shared), got, want)
	}
	if err := l.Commit(nil); err != nil {
		t.Fatal(err)
	}
	e.Observe(l)
	return l
}

func contentOf(t *testing.T, a *Arena, l *Layer) (content string) {
	t.Helper()
	var b [PageSize]byte
	for _, p := range l.Pin() {
		if err := a.Read(p.Slot, b[:]); err != nil {
			t.Fatal(err)
		}
		content += string(b[:1])
	}
	l.Unpin()
	return content
}

func TestDedupCandidatesArePagesThatTwoSnapshotsOfATenantHave(t *testing.T) {
	a, err := NewArena()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	e := NewCandidates(a)
	vpns := func(tenant string) (all []uint32) {
		if h := e.Acquire(tenant); h != nil {
			for _, p := range h.Pages {
				all = append(all, p.VPN)
			}
			h.Release()
		}
		return all
	}
	contents := []string{"abcX", "abcY", "abcZ", "abdW"}
	var layers []*Layer
	for i, c := range contents {
		layers = append(layers, captureOf(t, a, e, "one", c))
		want := []uint32{100, 101, 102}
		if i == 0 {
			want = nil // nobody else has them yet
		}
		if got := vpns("one"); !slices.Equal(got, want) {
			t.Errorf("after capture %d pages %v are expected, want %v", i, got, want)
		}
	}
	if got := vpns("two"); got != nil {
		t.Errorf("another tenant expects %v", got)
	}
	for i, l := range layers {
		if got := contentOf(t, a, l); got != contents[i] {
			t.Errorf("layer %d reads %q, want %q", i, got, contents[i])
		}
		l.Close()
	}
	if h := e.Acquire("one"); h == nil || len(h.Pages) != 3 {
		t.Error("what is expected went with the layers that had it")
	} else {
		e.Close()
		if a.page(h.Pages[0].Slot)[0] != 'a' || a.used == stageSlots {
			t.Error("candidates that are in use were given back")
		}
		h.Release()
	}
	if a.used != stageSlots {
		t.Errorf("%d slots are in use after all was closed, beyond the stage's %d", a.used-stageSlots, stageSlots)
	}
}

func TestExpectationsAreOfFewTenants(t *testing.T) {
	a, err := NewArena()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	e := NewCandidates(a)
	for i := range 2 * maxTenants {
		tenant := string(rune('a' + i))
		captureOf(t, a, e, tenant, "same").Close()
		one, two := captureOf(t, a, e, tenant, "same"), captureOf(t, a, e, tenant, "same")
		if e.Acquire(tenant) == nil {
			t.Errorf("tenant %d has no candidates right after a capture", i)
		} else {
			e.byTenant[tenant].Release()
		}
		one.Close()
		two.Close()
	}
	if n := len(e.byTenant); n != maxTenants {
		t.Errorf("candidates for %d tenants are kept", n)
	}
	e.Close()
	if a.used != stageSlots {
		t.Errorf("%d slots are in use after all was closed, beyond the stage's %d", a.used-stageSlots, stageSlots)
	}
}

func TestLayerClosedBeforeItSettlesGivesExpectedPagesBack(t *testing.T) {
	a, err := NewArena()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	e := NewCandidates(a)
	one, two := captureOf(t, a, e, "", "ab"), captureOf(t, a, e, "", "ab")
	h := e.Acquire("")
	first, n, err := a.Stage(1)
	if err != nil {
		t.Fatal(err)
	}
	refs := a.refs[h.Pages[0].Slot]
	a.Hold(h.Pages)
	l := NewSmall(a, nil, "", append(slices.Clone(h.Pages), Page{200, first}), nil, first, n)
	l.Close()
	if err := l.Commit(nil); err != nil {
		t.Fatal(err)
	}
	if got := a.refs[h.Pages[0].Slot]; got != refs {
		t.Errorf("a page is counted %d times, before there was the layer %d", got, refs)
	}
	h.Release()
	one.Close()
	two.Close()
	e.Close()
}
