// Package abi mirrors the C headers beside it: uc.h, the contract between the
// library OS and a tender. It holds addresses, layouts and their encoding, and
// no system call. A test compiles the headers and compares.
package abi

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Version is UC_ABI: libOS, tender and snapshots of different versions refuse
// each other. Magic is the first word of every block.
const (
	Version = 11
	Magic   = 0x31435541
)

// Addresses of a UC (uc.h, 'Address layout').
const (
	Low        = 0x0000000000400000
	LowEnd     = 0x0000000040000000
	High       = 0x0000001000000000
	HighEnd    = 0x0000003000000000
	State      = High
	Image      = 0x00007d0000000000
	LibOS      = 0x00007e0000000000
	Host       = 0x00007e0000100000
	HostSize   = 0x10000
	Stack      = 0x00007e0000140000
	StackSize  = 0x40000
	Tender     = 0x00007e0000180000
	TenderSize = 0x60000

	PageSize = 4096
)

// How a UC is entered: UC_BOOT, UC_RESUME.
const (
	Boot   = 0
	Resume = 1
)

// FirstTID is UC_TID_MIN: process ids are below it, ids of further threads are
// not.
const FirstTID = 2 << 20

// Flags of the host block: UC_F_*.
const (
	FlagTrace  = 1 // count every system call
	FlagStrace = 4 // print every call: debugging only
)

// MsgType is the type of a message on the channel: UC_MSG_*.
type MsgType uint16

// The messages of uc.h.
const (
	Data    MsgType = 1
	Console MsgType = 2
	Exit    MsgType = 3
	Open    MsgType = 4
	Opened  MsgType = 5
	Stream  MsgType = 6
	Fin     MsgType = 7
	Reset   MsgType = 8
	Credit  MsgType = 9
	Dgram   MsgType = 10
	Sleep   MsgType = 11
	Files   MsgType = 12
)

// Sizes of the channel: UC_MSG_MAX bytes of header and payload in one packet,
// UC_WINDOW bytes of initial credit of each side of a connection.
const (
	MsgMax     = 65536
	MsgSize    = 16
	MaxPayload = MsgMax - MsgSize
	Window     = 262144
)

// ErrMalformed is a packet or block that no libOS of this version sends.
var ErrMalformed = errors.New("malformed message of the library OS")

// Msg is struct uc_msg, the header of a packet.
type Msg struct {
	Type    MsgType
	Flags   uint16
	ID, Arg uint32
	Len     uint32
}

// Put writes m into the first MsgSize bytes of b.
func (m Msg) Put(b []byte) {
	_ = b[MsgSize-1]
	binary.LittleEndian.PutUint16(b[0:], uint16(m.Type))
	binary.LittleEndian.PutUint16(b[2:], m.Flags)
	binary.LittleEndian.PutUint32(b[4:], m.ID)
	binary.LittleEndian.PutUint32(b[8:], m.Arg)
	binary.LittleEndian.PutUint32(b[12:], m.Len)
}

// ParseMsg decodes the header of a packet of n bytes in all and checks it. Its
// error wraps ErrMalformed.
func ParseMsg(b []byte, n int) (Msg, error) {
	if n < MsgSize || len(b) < MsgSize {
		return Msg{}, fmt.Errorf("%w: packet of %d bytes", ErrMalformed, n)
	}
	m := Msg{
		Type:  MsgType(binary.LittleEndian.Uint16(b[0:])),
		Flags: binary.LittleEndian.Uint16(b[2:]),
		ID:    binary.LittleEndian.Uint32(b[4:]),
		Arg:   binary.LittleEndian.Uint32(b[8:]),
		Len:   binary.LittleEndian.Uint32(b[12:]),
	}
	switch {
	case m.Type < Data || m.Type > Sleep:
		return m, fmt.Errorf("%w: message of type %d", ErrMalformed, m.Type)
	case int64(m.Len) != int64(n-MsgSize):
		return m, fmt.Errorf("%w: %d bytes of payload announced, %d sent", ErrMalformed, m.Len, n-MsgSize)
	}
	return m, nil
}

// File is struct uc_file: Bytes of the content of a file of Size bytes, from Off
// on.
type File struct {
	Mode      uint32 // permission bits
	Size, Off uint64
}

// FileSize is the size of struct uc_file, in bytes.
const FileSize = 32

// AppendFile appends a record of a Files message to b. It takes at most
// FileSize+len(path)+len(content)+7 bytes.
func AppendFile(b []byte, f File, path string, content []byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(b, f.Mode)
	b = le.AppendUint32(b, uint32(len(path)))
	b = le.AppendUint64(b, f.Size)
	b = le.AppendUint64(b, f.Off)
	b = le.AppendUint64(b, uint64(len(content)))
	b = append(append(b, path...), content...)
	return append(b, make([]byte, -(FileSize+len(path)+len(content))&7)...)
}

// ExitCode is how a UC ended: UC_EXIT_*.
type ExitCode uint32

// The ends of a UC.
const (
	ExitOK       ExitCode = 0
	ExitSignal   ExitCode = 120
	ExitOrphan   ExitCode = 121
	ExitMemory   ExitCode = 122
	ExitDeadlock ExitCode = 123
	ExitRefused  ExitCode = 124
	ExitLibOS    ExitCode = 125
	ExitUnborn   ExitCode = 126 // its zygote could not fork it; the id is the errno
)

// ExitFlagMemory in the flags of an Exit message: memory was refused because
// of the limit before this.
const ExitFlagMemory = 1

// HeaderOffset is where struct uc_libos lies in the libOS's first segment.
const HeaderOffset = 64

// libOSSize is the size of struct uc_libos, in bytes.
const libOSSize = 112

// LibOSHeader is struct uc_libos.
type LibOSHeader struct {
	ID        [32]byte
	StateSize uint64
}

// ParseLibOS finds struct uc_libos in the bytes of the libOS's segment.
func ParseLibOS(segment []byte) (LibOSHeader, error) {
	var h LibOSHeader
	if len(segment) < HeaderOffset+libOSSize {
		return h, errors.New("library OS is too short for its header")
	}
	b := segment[HeaderOffset:]
	if m, v := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:]); m != Magic || v != Version {
		return h, fmt.Errorf("library OS of ABI %d (magic %#x), this platform has ABI %d", v, m, Version)
	}
	copy(h.ID[:], b[8:])
	h.StateSize = binary.LittleEndian.Uint64(b[64:])
	return h, nil
}

// MaxDiscards is UC_DISCARDS.
const MaxDiscards = 120

// StateSize is the size of struct uc_state, in bytes.
const StateSize = 120 + 16*MaxDiscards

// Range is a range of guest addresses, [Start, End).
type Range struct{ Start, End uint64 }

// UCState is the part of struct uc_state that a tender reads.
type UCState struct {
	LibOS         [32]byte
	Quiescent     bool
	Threads       uint32
	LowTop        uint64
	HighTop       uint64
	Committed     int64
	CommittedPeak int64
	CallsOff      uint64
	UnknownOff    uint64
	Wakes         uint32
	Uncharged     int64
	Discard       []Range
}

// ParseState decodes struct uc_state. Its content is the guest's to write, so
// everything is checked.
func ParseState(b []byte) (UCState, error) {
	var s UCState
	if len(b) < StateSize {
		return s, fmt.Errorf("%w: state of %d bytes", ErrMalformed, len(b))
	}
	le := binary.LittleEndian
	if m, v := le.Uint32(b), le.Uint32(b[4:]); m != Magic || v != Version {
		return s, fmt.Errorf("%w: state of ABI %d (magic %#x)", ErrMalformed, v, m)
	}
	copy(s.LibOS[:], b[8:])
	s.Quiescent = le.Uint32(b[40:]) == 1
	s.Threads = le.Uint32(b[44:])
	s.LowTop, s.HighTop = le.Uint64(b[48:]), le.Uint64(b[56:])
	s.Committed, s.CommittedPeak = int64(le.Uint64(b[64:])), int64(le.Uint64(b[72:]))
	s.CallsOff, s.UnknownOff = le.Uint64(b[88:]), le.Uint64(b[96:])
	n := le.Uint32(b[104:])
	s.Wakes = le.Uint32(b[108:])
	s.Uncharged = int64(le.Uint64(b[112:]))
	if n > MaxDiscards {
		return s, fmt.Errorf("%w: %d discarded ranges", ErrMalformed, n)
	}
	for i := range int(n) {
		r := Range{le.Uint64(b[120+16*i:]), le.Uint64(b[128+16*i:])}
		if r.Start%PageSize != 0 || r.End%PageSize != 0 || r.End < r.Start || !InRegion(r) {
			return s, fmt.Errorf("%w: discarded range %#x-%#x", ErrMalformed, r.Start, r.End)
		}
		s.Discard = append(s.Discard, r)
	}
	return s, nil
}

// InRegion reports whether r lies in LOW or in HIGH.
func InRegion(r Range) bool {
	return r.Start >= Low && r.End <= LowEnd || r.Start >= High && r.End <= HighEnd
}
