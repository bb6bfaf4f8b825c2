package rootfs

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

const (
	chunk      = 1 << 20
	maxLiteral = 4096 // PATH_MAX; a longer literal is no path
)

// literals calls found with every C string in the file p that contains one of the
// marks, possibly more than once. A mark has no zero byte, but may end in one.
func literals(p string, marks []string, found func(literal string)) error {
	f, err := os.Open(p)
	if err != nil {
		return err
	}
	defer f.Close()
	buf := make([]byte, maxLiteral+chunk)
	kept := 0 // bytes of the chunk before: a literal may lie across two
	for {
		n, err := io.ReadFull(f, buf[kept:kept+chunk])
		window := buf[:kept+n]
		for _, mark := range marks {
			search(window, mark, found)
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", p, err)
		}
		kept = copy(buf, window[max(0, len(window)-maxLiteral):])
	}
}

func search(window []byte, mark string, found func(literal string)) {
	for at := 0; ; {
		i := bytes.Index(window[at:], []byte(mark))
		if i < 0 {
			return
		}
		at += i
		from := bytes.LastIndexByte(window[:at], 0) + 1
		if to := bytes.IndexByte(window[at:], 0); to >= 0 && at+to-from <= maxLiteral {
			found(string(window[from : at+to]))
		}
		at += len(mark)
	}
}
