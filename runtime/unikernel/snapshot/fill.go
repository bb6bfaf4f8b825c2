package snapshot

import (
	"fmt"
	"io"
	"os"
)

// Filler takes the pages of a layer that is read from a file, in ascending
// order. Layer, or else Drop, ends it.
type Filler interface {
	Page(vpn uint32, p []byte) error
	Layer() *Layer
	Drop()
}

type smallFiller struct {
	arena *Arena
	layer *Layer
	n     int
}

// NewSmallFiller makes room in the arena for a layer with pages in runs.
func NewSmallFiller(a *Arena, parent *Layer, tenant string, runs []Range, holes []Range) (Filler, error) {
	pages := 0
	for _, r := range runs {
		pages += int(r.Pages)
	}
	first, n, err := a.Stage(max(pages, 1))
	if err != nil {
		return nil, err
	}
	return &smallFiller{arena: a, layer: NewSmall(a, parent, tenant, nil, holes, first, n)}, nil
}

func (f *smallFiller) Page(vpn uint32, p []byte) error {
	slot := f.layer.stage + Slot(f.n)
	if err := f.arena.Write(slot, p); err != nil {
		return err
	}
	f.n++
	f.layer.pages = append(f.layer.pages, Page{vpn, slot})
	if zeros(p) {
		f.layer.pages[len(f.layer.pages)-1].Slot = 0
	}
	return nil
}

func (f *smallFiller) Layer() *Layer {
	f.layer.unique = int64(f.n)
	return f.layer
}

func (f *smallFiller) Drop() { f.layer.Close() }

type largeFiller struct {
	file    *os.File
	extents []Extent
	at      int
	filled  int64
}

// NewLargeFiller fills file, which is laid out in extents.
func NewLargeFiller(file *os.File, extents []Extent) Filler {
	return &largeFiller{file: file, extents: extents}
}

func (f *largeFiller) Page(vpn uint32, p []byte) error {
	for f.at < len(f.extents) && vpn >= f.extents[f.at].VPN+f.extents[f.at].Pages {
		f.at++
	}
	if f.at == len(f.extents) || vpn < f.extents[f.at].VPN {
		return fmt.Errorf("%w: page %#x is in no extent", ErrBroken, vpn)
	}
	e := f.extents[f.at]
	if _, err := f.file.WriteAt(p, e.Off+int64(vpn-e.VPN)*PageSize); err != nil {
		return fmt.Errorf("%w: write: %v", ErrFull, err)
	}
	f.filled += PageSize
	return nil
}

func (f *largeFiller) Layer() *Layer { return NewLarge(nil, f.file, f.extents, f.filled, nil) }

func (f *largeFiller) Drop() { f.file.Close() }

func zeros(p []byte) bool {
	for _, b := range p {
		if b != 0 {
			return false
		}
	}
	return true
}

// WriteSmall writes a layer whose pages are in the arena.
func (l *Layer) WriteSmall(w io.Writer, h Header) (Sum, error) {
	pages := l.Pin()
	defer l.Unpin()
	next := 0
	return Write(w, h, Ranges(pages), func(_ uint32, buf []byte) error {
		next++
		return l.arena.Read(pages[next-1].Slot, buf)
	})
}

// WriteLarge writes a layer whose pages are in a file of their own. Pages of
// zeros only fill its gaps and are left out.
func (l *Layer) WriteLarge(w io.Writer, h Header) (Sum, error) {
	var runs []Range
	buf := make([]byte, 1<<20)
	for _, e := range l.Extents {
		for done := uint32(0); done < e.Pages; {
			n := min(e.Pages-done, uint32(len(buf)/PageSize))
			if _, err := l.File.ReadAt(buf[:n*PageSize], e.Off+int64(done)*PageSize); err != nil {
				return Sum{}, fmt.Errorf("write snapshot: %w", err)
			}
			for i := range n {
				if zeros(buf[i*PageSize : (i+1)*PageSize]) {
					continue
				}
				vpn := e.VPN + done + i
				if k := len(runs); k > 0 && runs[k-1].VPN+runs[k-1].Pages == vpn {
					runs[k-1].Pages++
				} else {
					runs = append(runs, Range{vpn, 1})
				}
			}
			done += n
		}
	}
	at := 0
	return Write(w, h, runs, func(vpn uint32, buf []byte) error {
		for vpn >= l.Extents[at].VPN+l.Extents[at].Pages {
			at++
		}
		_, err := l.File.ReadAt(buf, l.Extents[at].Off+int64(vpn-l.Extents[at].VPN)*PageSize)
		return err
	})
}
