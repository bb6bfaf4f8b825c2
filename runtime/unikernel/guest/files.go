package guest

import (
	"iter"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
)

// SendBefore has the files of a function sent before the driver's next bytes.
func (c *Channel) SendBefore(code driver.Code) { c.code = code }

// filesMessages cuts a package into the payloads of Files messages, and says
// which is the last. A payload is valid until the next one.
func filesMessages(code driver.Code) iter.Seq2[[]byte, bool] {
	return func(yield func([]byte, bool) bool) {
		room := 0
		for _, f := range code.Files {
			room += abi.FileSize + len(f.Path) + int(f.Size) + 7
		}
		b := make([]byte, 0, min(room, abi.MaxPayload))
		rest := code.Bytes
		for _, f := range code.Files {
			content := rest[:f.Size]
			rest = rest[f.Size:]
			for off := 0; ; {
				left := len(content) - off
				room := abi.MaxPayload - len(b) - abi.FileSize - len(f.Path) - 7
				if room < min(left, 4096) {
					if !yield(b, false) {
						return
					}
					b = b[:0]
					continue
				}
				k := min(room, left)
				at := abi.File{Mode: modeOf(f), Size: uint64(f.Size), Off: uint64(off)}
				b = abi.AppendFile(b, at, f.Path, content[off:off+k])
				if off += k; off == len(content) {
					break
				}
			}
		}
		if len(b) > 0 {
			yield(b, true)
		}
	}
}

// modeOf is a file's st_mode where the permission bits alone do not say enough:
// without a type it is a regular file.
func modeOf(f driver.File) uint32 {
	if f.Link {
		return unix.S_IFLNK | f.Mode
	}
	return f.Mode
}

// writeFiles sends the package that the next bytes for the driver are about, if
// there is one. The last message is returned where it fits into one packet with
// those bytes.
func (c *Channel) writeFiles(next int) (ahead []byte, err error) {
	code := c.code
	c.code = driver.Code{}
	for b, last := range filesMessages(code) {
		m := abi.Msg{Type: abi.Files, Len: uint32(len(b))}
		if last && 2*abi.MsgSize+len(b)+next <= abi.MsgMax {
			ahead = make([]byte, abi.MsgSize, abi.MsgSize+len(b)+abi.MsgSize)
			m.Put(ahead)
			return append(ahead, b...), nil
		}
		if err := c.Send(m, b); err != nil {
			return nil, err
		}
	}
	return nil, nil
}
