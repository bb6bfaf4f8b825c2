package snapshot

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
)

func content(vpn uint32, buf []byte) error {
	for i := 0; i < len(buf); i += 8 {
		binary.LittleEndian.PutUint64(buf[i:], uint64(vpn)*31+uint64(i))
	}
	return nil
}

func sample(t testing.TB) []byte {
	var b bytes.Buffer
	h := Header{ABI: 2, LibOS: "ab", Runtime: "nodejs20.x", CPU: []string{"sse2"}, Holes: []Range{{1, 2}}, Seq: 3,
		Imported: true}
	if _, err := Write(&b, h, []Range{{1024, 2}, {4096, 1}}, content); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read(data []byte) (Header, map[uint32][]byte, error) {
	var h Header
	pages := map[uint32][]byte{}
	_, err := Read(bytes.NewReader(data), func(x Header, _ []Range) error { h = x; return nil },
		func(vpn uint32, p []byte) error { pages[vpn] = bytes.Clone(p); return nil })
	return h, pages, err
}

func TestFileKeepsALayer(t *testing.T) {
	h, pages, err := read(sample(t))
	if err != nil || h.Runtime != "nodejs20.x" || !h.Imported || len(h.Holes) != 1 || len(pages) != 3 {
		t.Fatalf("%+v, %d pages, %v", h, len(pages), err)
	}
	var want [PageSize]byte
	content(1025, want[:])
	if !bytes.Equal(pages[1025], want[:]) {
		t.Error("a page has other content")
	}
}

func TestTruncatedOrAlteredFileIsRefused(t *testing.T) {
	data := sample(t)
	for n := 0; n < len(data); n += 97 {
		if _, _, err := read(data[:n]); !errors.Is(err, ErrBroken) {
			t.Fatalf("%d of %d bytes: %v", n, len(data), err)
		}
		bad := bytes.Clone(data)
		bad[n] ^= 4
		if _, _, err := read(bad); !errors.Is(err, ErrBroken) {
			t.Fatalf("byte %d altered: %v", n, err)
		}
	}
	if _, _, err := read(append(bytes.Clone(data), 0)); !errors.Is(err, ErrBroken) {
		t.Fatalf("a byte more: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	data := sample(f)
	f.Add(data)
	f.Add(data[:300])
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, _, err := read(data); err != nil && !errors.Is(err, ErrBroken) {
			t.Fatalf("refused without naming the cause: %v", err)
		}
	})
}

func TestEqualPagesOfATenantAreKeptOnce(t *testing.T) {
	a, err := NewArena()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	layer := func(tenant string, fill byte) *Layer {
		first, n, err := a.Stage(3)
		if err != nil {
			t.Fatal(err)
		}
		page := bytes.Repeat([]byte{fill}, PageSize)
		var pages []Page
		for i := range 3 {
			if i == 2 {
				page[0]++ // one page of its own
			}
			if err := a.Write(first+Slot(i), page); err != nil {
				t.Fatal(err)
			}
			pages = append(pages, Page{uint32(100 + i), first + Slot(i)})
		}
		l := NewSmall(a, nil, tenant, pages, nil, first, n)
		if err := l.Commit(nil); err != nil {
			t.Fatal(err)
		}
		return l
	}
	one, two, other := layer("a", 7), layer("a", 7), layer("b", 7)
	if one.Size() != 2*PageSize || two.Size() != 0 || other.Size() != 2*PageSize {
		t.Errorf("sizes %d, %d, %d", one.Size(), two.Size(), other.Size())
	}
	one.Close()
	var got [PageSize]byte
	for i, p := range two.Pin() {
		if err := a.Read(p.Slot, got[:]); err != nil || got[1] != 7 || (got[0] != 7) != (i == 2) {
			t.Errorf("page %d after the first owner left: %v %d", i, err, got[0])
		}
	}
	two.Unpin()
	before := a.Bytes()
	two.Close()
	other.Close()
	if after := a.Bytes(); before-after != 4*PageSize {
		t.Errorf("closing gave %d bytes back", before-after)
	}
}

func TestPinnedPagesStay(t *testing.T) {
	a, err := NewArena()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	first, n, err := a.Stage(1)
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte{9}, PageSize)
	a.Write(first, want)
	l := NewSmall(a, nil, "", []Page{{5, first}}, nil, first, n)
	old := l.Pin()
	if err := l.Commit(nil); err != nil {
		t.Fatal(err)
	}
	for range 3 { // other captures come and go
		f, n, _ := a.Stage(1)
		a.Write(f, make([]byte, PageSize))
		a.Unstage(f, n)
	}
	var got [PageSize]byte
	if a.Read(old[0].Slot, got[:]); !bytes.Equal(got[:], want) {
		t.Error("a pinned page was given to another")
	}
	l.Unpin()
	l.Close()
}

func ExampleLayer_Has() {
	base := &Layer{Extents: []Extent{{VPN: 10, Pages: 4}}}
	child := &Layer{Parent: base, pages: []Page{{VPN: 11, Slot: 0}}}
	fmt.Println(child.Has(10), child.Has(11), child.Has(20))
	// Output: true false false
}

func TestHeaderOfAnOlderFileIsRead(t *testing.T) {
	h, err := parseHeader([]byte(`{"runtime":"python3.11","gone":[{"VPN":1,"Pages":2}],` +
		`"touched":[{"VPN":5,"Pages":6}]}`))
	if err != nil || len(h.Holes) != 1 || h.Holes[0] != (Range{1, 2}) || len(h.Written) != 1 ||
		h.Written[0] != (Range{5, 6}) {
		t.Errorf("%+v, %v", h, err)
	}
	if _, err := parseHeader([]byte(`{"runtime":"python3.11","another":1}`)); err == nil {
		t.Error("a header with a field of no version is accepted")
	}
}
