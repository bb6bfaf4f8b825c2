package driver

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Protocol is the version of the framed protocol. The driver states it in its
// Hello; another version is refused.
const Protocol = 2

// HeaderSize is the size of a frame's header in bytes:
//
//	0  u32  payload length
//	4  u8   type
//	5  u8   flags
//	6  u16  zero
//	8  u32  sequence number: a reply carries that of its request
//
// All numbers are little-endian.
const HeaderSize = 12

// Type says what a frame asks or answers.
type Type uint8

// Frames from the host to the driver.
const (
	TypeImport  Type = 1 // u32 length of JSON, JSON importRequest, then the files' bytes
	TypeInvoke  Type = 2 // u32 length of JSON, JSON invokeRequest, then the event
	TypePrepare Type = 3 // JSON prepareRequest: steps of anticipatory optimisation
)

// Frames from the driver to the host.
const (
	TypeHello    Type = 65 // JSON Hello, once, when the runtime is up
	TypeImported Type = 66 // empty, or with FlagError a JSON FunctionError
	TypeResult   Type = 67 // the handler's JSON, or with FlagError a JSON FunctionError
	TypePrepared Type = 68 // empty, or with FlagError a JSON FunctionError
)

// Flags of a frame.
const (
	FlagError  uint8 = 1 // the payload is a FunctionError
	FlagCloned uint8 = 2 // first frame after a deploy from a snapshot: CloneSize bytes come before its payload
	FlagFinal  uint8 = 4 // with FlagError: the driver ends itself after this frame
)

// CloneSize is the size of a clone's identity in bytes: its process id, a u32, and
// 16 random bytes.
const CloneSize = 20

// Bounds of a frame's payload in bytes. Both sides refuse more.
const (
	MaxImportBytes = 300 << 20 // AWS's 250 MB of unpacked code and room for the header
	MaxFrameBytes  = 6<<20 + 64<<10
)

// Header is a frame's header, decoded.
type Header struct {
	Length uint32
	Type   Type
	Flags  uint8
	Seq    uint32
}

// Limit is the largest payload that a frame of this type may have, 0 for an
// unknown type.
func (t Type) Limit() uint32 {
	switch t {
	case TypeImport:
		return MaxImportBytes
	case TypeInvoke, TypePrepare, TypeHello, TypeImported, TypeResult, TypePrepared:
		return MaxFrameBytes
	}
	return 0
}

// Put writes h into the first HeaderSize bytes of b.
func (h Header) Put(b []byte) {
	binary.LittleEndian.PutUint32(b[0:], h.Length)
	b[4], b[5], b[6], b[7] = byte(h.Type), h.Flags, 0, 0
	binary.LittleEndian.PutUint32(b[8:], h.Seq)
}

// ParseHeader decodes and checks a header. Its error wraps ErrProtocol.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < HeaderSize {
		return Header{}, fmt.Errorf("%w: header of %d bytes", ErrProtocol, len(b))
	}
	h := Header{
		Length: binary.LittleEndian.Uint32(b[0:]),
		Type:   Type(b[4]),
		Flags:  b[5],
		Seq:    binary.LittleEndian.Uint32(b[8:]),
	}
	switch limit := h.Type.Limit(); {
	case limit == 0:
		return h, fmt.Errorf("%w: unknown frame type %d", ErrProtocol, h.Type)
	case h.Length > limit:
		return h, fmt.Errorf("%w: frame of type %d has %d bytes, the limit is %d", ErrProtocol, h.Type, h.Length, limit)
	case b[6] != 0 || b[7] != 0:
		return h, fmt.Errorf("%w: reserved bytes of the header are not zero", ErrProtocol)
	}
	return h, nil
}

// readReply reads a frame from a driver. A type that only a host sends is refused
// before memory is allocated for its payload.
func readReply(r io.Reader) (Header, []byte, error) {
	h, err := readHeader(r)
	if err == nil && h.Type < TypeHello {
		err = fmt.Errorf("%w: frame of type %d from a driver", ErrProtocol, h.Type)
	}
	if err != nil {
		return h, nil, err
	}
	payload, err := readPayload(r, h)
	return h, payload, err
}

func readHeader(r io.Reader) (Header, error) {
	var hdr [HeaderSize]byte
	if _, err := io.ReadFull(r, hdr[:]); err != nil {
		return Header{}, err
	}
	return ParseHeader(hdr[:])
}

func readPayload(r io.Reader, h Header) ([]byte, error) {
	payload := make([]byte, h.Length)
	if _, err := io.ReadFull(r, payload); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return payload, nil
}

// appendFrame appends a whole frame to b: the header, a clone's identity, the length
// of meta and meta unless that is nil, and body.
func appendFrame(b []byte, h Header, clone, meta, body []byte) []byte {
	n := len(clone) + len(body)
	if meta != nil {
		n += 4 + len(meta)
	}
	h.Length = uint32(n)
	start := len(b)
	b = append(b, make([]byte, HeaderSize)...)
	h.Put(b[start:])
	b = append(b, clone...)
	if meta != nil {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(meta)))
		b = append(b, meta...)
	}
	return append(b, body...)
}
