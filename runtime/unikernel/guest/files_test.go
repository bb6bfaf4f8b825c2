package guest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
)

// packed is code of files with these sizes.
func packed(sizes ...int) driver.Code {
	var c driver.Code
	for i, n := range sizes {
		c.Files = append(c.Files, driver.File{Path: fmt.Sprintf("d%d/%s", i%3, strings.Repeat("n", i+1)),
			Size: int64(n), Mode: 0o644})
		c.Bytes = append(c.Bytes, bytes.Repeat([]byte{byte(i)}, n)...)
	}
	return c
}

// unpack reads what filesMessages wrote, as the libOS does.
func unpack(t *testing.T, code driver.Code) map[string][]byte {
	t.Helper()
	got := map[string][]byte{}
	ends := 0
	for b, last := range filesMessages(code) {
		if len(b) == 0 || len(b) > abi.MaxPayload {
			t.Fatalf("a message of %d bytes", len(b))
		}
		if last {
			ends++
		}
		for len(b) > 0 {
			path, bytes := int(binary.LittleEndian.Uint32(b[4:])), int(binary.LittleEndian.Uint32(b[24:]))
			size, off := binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(b[16:])
			name := string(b[abi.FileSize:][:path])
			if uint64(len(got[name])) != off || off+uint64(bytes) > size {
				t.Fatalf("%s: %d bytes at %d of %d, after %d", name, bytes, off, size, len(got[name]))
			}
			got[name] = append(got[name], b[abi.FileSize+path:][:bytes]...)
			b = b[(abi.FileSize+path+bytes+7)&^7:]
		}
	}
	if want := min(len(code.Files), 1); ends != want {
		t.Errorf("%d last messages, want %d", ends, want)
	}
	return got
}

func TestFilesMessagesCarryEveryFile(t *testing.T) {
	for _, sizes := range [][]int{
		{}, {0}, {1}, {0, 0, 7}, {abi.MaxPayload}, {1 << 20}, {1, 200000, 0, 3},
		{abi.MaxPayload - abi.FileSize - 4 - 7}, {abi.MaxPayload - abi.FileSize - 4}, {60000, 6000, 6000, 60000},
	} {
		code := packed(sizes...)
		got, rest := unpack(t, code), code.Bytes
		for _, f := range code.Files {
			if !bytes.Equal(got[f.Path], rest[:f.Size]) {
				t.Errorf("%v: %s has %d bytes of %d, or others", sizes, f.Path, len(got[f.Path]), f.Size)
			}
			rest = rest[f.Size:]
		}
		if len(got) != len(sizes) {
			t.Errorf("%v: %d files", sizes, len(got))
		}
	}
}
