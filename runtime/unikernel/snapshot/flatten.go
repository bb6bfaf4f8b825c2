package snapshot

import (
	"fmt"
	"os"
)

// Flatten writes the content of extents, as a large base and small layers
// above it (the oldest first) have it, to file.
func Flatten(file *os.File, extents []Extent, base *Layer, above []*Layer) error {
	for _, e := range extents {
		buf := make([]byte, int(e.Pages)*PageSize)
		if err := base.readInto(buf, e.VPN); err != nil {
			return err
		}
		for _, l := range above {
			if err := l.overlay(buf, e); err != nil {
				return err
			}
		}
		if _, err := file.WriteAt(buf, e.Off); err != nil {
			return fmt.Errorf("%w: flatten: %v", ErrFull, err)
		}
	}
	return nil
}

// readInto reads what a large layer has of the pages from vpn on.
func (l *Layer) readInto(buf []byte, vpn uint32) error {
	end := vpn + uint32(len(buf)/PageSize)
	for _, e := range l.Extents {
		from, to := max(vpn, e.VPN), min(end, e.VPN+e.Pages)
		if from >= to {
			continue
		}
		part := buf[(from-vpn)*PageSize : (to-vpn)*PageSize]
		if _, err := l.File.ReadAt(part, e.Off+int64(from-e.VPN)*PageSize); err != nil {
			return fmt.Errorf("flatten: %w", err)
		}
	}
	return nil
}

// overlay lays what a small layer has in e over buf.
func (l *Layer) overlay(buf []byte, e Extent) error {
	for _, g := range l.Gone {
		if from, to := max(e.VPN, g.VPN), min(e.VPN+e.Pages, g.VPN+g.Pages); from < to {
			clear(buf[(from-e.VPN)*PageSize : (to-e.VPN)*PageSize])
		}
	}
	pages := l.Pin()
	defer l.Unpin()
	first, _ := find(pages, e.VPN)
	for _, p := range pages[first:] {
		if p.VPN >= e.VPN+e.Pages {
			break
		}
		if err := l.arena.Read(p.Slot, buf[(p.VPN-e.VPN)*PageSize:]); err != nil {
			return err
		}
	}
	return nil
}
