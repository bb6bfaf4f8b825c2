package abi

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

const addrSize = 20

// ParseAddr decodes struct uc_addr from the start of a payload.
func ParseAddr(b []byte) (addr netip.AddrPort, rest []byte, err error) {
	if len(b) < addrSize {
		return addr, nil, fmt.Errorf("%w: address of %d bytes", ErrMalformed, len(b))
	}
	port := binary.LittleEndian.Uint16(b[2:])
	switch binary.LittleEndian.Uint16(b) {
	case 4:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), port), b[addrSize:], nil
	case 6:
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[4:20])), port), b[addrSize:], nil
	}
	return addr, nil, fmt.Errorf("%w: address family %d", ErrMalformed, binary.LittleEndian.Uint16(b))
}

// AppendAddr appends struct uc_addr.
func AppendAddr(b []byte, addr netip.AddrPort) []byte {
	var ip [16]byte
	family := uint16(6)
	if a := addr.Addr(); a.Is4() {
		family = 4
		v := a.As4()
		copy(ip[:], v[:])
	} else if a.Is6() {
		ip = a.As16()
	}
	b = binary.LittleEndian.AppendUint16(b, family)
	b = binary.LittleEndian.AppendUint16(b, addr.Port())
	return append(b, ip[:]...)
}
