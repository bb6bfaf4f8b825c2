package sqlite

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// The write-ahead log's format (sqlite.org, fileformat2.html, section 4).
const (
	walHeaderSize   = 32
	frameHeaderSize = 24
	walMagic        = 0x377f0682 // the last bit tells big-endian checksums
)

// checksum is SQLite's, of two words that depend on each other.
type checksum struct{ a, b uint32 }

func (c checksum) add(order binary.ByteOrder, data []byte) checksum {
	for i := 0; i+8 <= len(data); i += 8 {
		c.a += order.Uint32(data[i:]) + c.b
		c.b += order.Uint32(data[i+4:]) + c.a
	}
	return c
}

func checksumAt(data []byte) checksum {
	return checksum{binary.BigEndian.Uint32(data), binary.BigEndian.Uint32(data[4:])}
}

// lostFrames counts the frames of a write-ahead log that SQLite passes over
// though they were written whole. SQLite reads a log up to the first frame that is
// wrong, and takes the rest for a transaction that a crash cut short; but then no
// sound frame comes after. The last frame of a log alone, if it is wrong, is not
// counted: a crash leaves the same. Nor are frames of an earlier use of the log
// counted, which lie behind the last frame once SQLite writes the log from its
// beginning again: they have other salts, and their checksums do not go on from
// those of this use.
func lostFrames(path string) (int, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	header := make([]byte, walHeaderSize)
	if _, err := io.ReadFull(r, header); err != nil {
		return 0, ended(err)
	}
	magic, pageSize := binary.BigEndian.Uint32(header), binary.BigEndian.Uint32(header[8:])
	var order binary.ByteOrder = binary.LittleEndian
	if magic&1 != 0 {
		order = binary.BigEndian
	}
	sum := checksum{}.add(order, header[:24])
	if magic&^1 != walMagic || pageSize < 512 || pageSize > 64<<10 || sum != checksumAt(header[24:]) {
		return 0, fmt.Errorf("its first %d bytes are damaged", walHeaderSize)
	}
	frame := make([]byte, frameHeaderSize+pageSize)
	lost, damaged, computed := 0, false, sum
	current := true // the frame before is of this use of the log
	for {
		if _, err := io.ReadFull(r, frame); err != nil {
			return lost, ended(err)
		}
		stored := checksumAt(frame[16:])
		next := func(from checksum) checksum {
			return from.add(order, frame[:8]).add(order, frame[frameHeaderSize:])
		}
		salted := string(frame[8:16]) == string(header[16:24]) // the salts of this use of the log
		chained := next(sum) == stored                         // no checksum has the salts in it
		switch {
		case chained && salted:
			computed, current = stored, true
			if damaged {
				lost++
			}
		case chained && current, salted && next(computed) == stored:
			// Its salts, or the checksum before it, are damaged.
			damaged, computed, current = true, stored, true
			lost++
		default:
			damaged, computed, current = true, next(sum), salted
		}
		sum = stored // which the next frame's goes on from
	}
}

// ended is nil for the end of a file.
func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}
