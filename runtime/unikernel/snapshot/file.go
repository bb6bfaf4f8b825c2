package snapshot

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
)

// A snapshot file holds one layer:
//
//	magic, 8 bytes, which name the version of this format
//	u32 length of the header, header in JSON
//	u32 number of runs, each u32 page number and u32 pages, ascending
//	the pages of the runs
//	sha256 over all before
//
// All numbers are little-endian. What is in no run is zero or the parent's.
const fileMagic = "UCSNAP1\n"

// Bounds of what a reader accepts.
const (
	maxHeader = 1 << 20
	maxRuns   = 4 << 20
	maxVPN    = 0x3000000000 / PageSize // the end of a UC's region
)

// Errors of reading a file; compare with errors.Is.
var (
	// ErrBroken: not a snapshot file, or a truncated or altered one.
	ErrBroken = errors.New("broken snapshot file")

	// ErrMismatch: a sound file that does not fit this host, this platform or
	// this parent.
	ErrMismatch = errors.New("snapshot does not fit")
)

// Sum names a layer by its file's checksum.
type Sum [sha256.Size]byte

func (s Sum) String() string { return hex.EncodeToString(s[:]) }

// Header says what a layer belongs to and what else it needs.
type Header struct {
	ABI      int      `json:"abi"`              // UC_ABI
	LibOS    string   `json:"libos"`            // id of the library OS, hexadecimal
	Runtime  string   `json:"runtime"`          // "nodejs20.x"
	Version  string   `json:"version"`          // "20.20.2"
	Image    string   `json:"image"`            // key of the file image
	CPU      []string `json:"cpu"`              // features of the CPU that it was made on
	XSave    uint32   `json:"xsave"`            // bytes of an XSAVE area
	Parent   string   `json:"parent,omitempty"` // sum of the layer below; empty at the base
	Tenant   string   `json:"tenant,omitempty"`
	Seq      uint32   `json:"seq"`
	Imported bool     `json:"imported"`
	Holes    []Range  `json:"holes,omitempty"`
	Written  []Range  `json:"written,omitempty"` // prefetched for writing
	Read     []Range  `json:"read,omitempty"`    // prefetched for reading
}

// Write writes a layer. page fills buf with the content of each page of runs,
// which must ascend.
func Write(w io.Writer, h Header, runs []Range, page func(vpn uint32, buf []byte) error) (Sum, error) {
	head, err := json.Marshal(h)
	if err != nil {
		return Sum{}, fmt.Errorf("write snapshot: %w", err)
	}
	sum := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<16)
	out.WriteString(fileMagic)
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(head)))
	b = append(b, head...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(runs)))
	for _, r := range runs {
		b = binary.LittleEndian.AppendUint32(b, r.VPN)
		b = binary.LittleEndian.AppendUint32(b, r.Pages)
	}
	out.Write(b)
	var buf [PageSize]byte
	for _, r := range runs {
		for i := range r.Pages {
			if err := page(r.VPN+i, buf[:]); err != nil {
				return Sum{}, fmt.Errorf("write snapshot: page %#x: %w", r.VPN+i, err)
			}
			out.Write(buf[:])
		}
	}
	if err := out.Flush(); err != nil { // the first error of all writes
		return Sum{}, fmt.Errorf("write snapshot: %w", err)
	}
	s := Sum(sum.Sum(nil))
	if _, err := w.Write(s[:]); err != nil {
		return Sum{}, fmt.Errorf("write snapshot: %w", err)
	}
	return s, nil
}

// Read reads a layer. accept sees the header and the runs first and may refuse
// them; page then gets every page. Only when Read returns without an error was
// the checksum right: what page has done before must be undone otherwise.
func Read(r io.Reader, accept func(Header, []Range) error, page func(vpn uint32, p []byte) error) (Sum, error) {
	in := &summed{r: bufio.NewReaderSize(r, 1<<16), sum: sha256.New()}
	h, runs, err := readTables(in)
	if err != nil {
		return Sum{}, err
	}
	if err := accept(h, runs); err != nil {
		return Sum{}, err
	}
	var buf [PageSize]byte
	for _, run := range runs {
		for i := range run.Pages {
			if err := in.full(buf[:]); err != nil {
				return Sum{}, err
			}
			if err := page(run.VPN+i, buf[:]); err != nil {
				return Sum{}, err
			}
		}
	}
	want := Sum(in.sum.Sum(nil))
	var got Sum
	if err := in.full(got[:]); err != nil {
		return Sum{}, err
	}
	if got != want {
		return Sum{}, fmt.Errorf("%w: checksum differs", ErrBroken)
	}
	if _, err := in.r.ReadByte(); err != io.EOF {
		return Sum{}, fmt.Errorf("%w: something follows the checksum", ErrBroken)
	}
	return want, nil
}

func readTables(in *summed) (Header, []Range, error) {
	var h Header
	magic := make([]byte, len(fileMagic))
	if err := in.full(magic); err != nil {
		return h, nil, err
	}
	if string(magic) != fileMagic {
		return h, nil, fmt.Errorf("%w: it begins with %q, not with %q", ErrBroken, magic, fileMagic)
	}
	n, err := in.number()
	if err != nil {
		return h, nil, err
	}
	if n > maxHeader {
		return h, nil, fmt.Errorf("%w: header of %d bytes", ErrBroken, n)
	}
	head := make([]byte, n)
	if err := in.full(head); err != nil {
		return h, nil, err
	}
	h, err = parseHeader(head)
	if err != nil {
		return h, nil, fmt.Errorf("%w: header: %v", ErrBroken, err)
	}
	for _, list := range [][]Range{h.Holes, h.Written, h.Read} {
		for _, r := range list {
			if r.VPN >= maxVPN || r.Pages == 0 || r.Pages > maxVPN-r.VPN {
				return h, nil, fmt.Errorf("%w: header: range %#x of %d pages", ErrBroken, r.VPN, r.Pages)
			}
		}
	}
	runs, err := in.runs()
	return h, runs, err
}

// parseHeader also reads the names that holes and written ranges had in older
// files.
func parseHeader(text []byte) (Header, error) {
	var h struct {
		Header
		Gone    []Range `json:"gone"`
		Touched []Range `json:"touched"`
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(&h)
	h.Holes, h.Written = append(h.Holes, h.Gone...), append(h.Written, h.Touched...)
	return h.Header, err
}

// summed reads and sums.
type summed struct {
	r   *bufio.Reader
	sum hash.Hash
}

func (s *summed) full(p []byte) error {
	if _, err := io.ReadFull(s.r, p); err != nil {
		return fmt.Errorf("%w: %v", ErrBroken, err)
	}
	s.sum.Write(p)
	return nil
}

func (s *summed) number() (uint32, error) {
	var b [4]byte
	err := s.full(b[:])
	return binary.LittleEndian.Uint32(b[:]), err
}

func (s *summed) runs() ([]Range, error) {
	n, err := s.number()
	if err != nil {
		return nil, err
	}
	if n > maxRuns {
		return nil, fmt.Errorf("%w: %d runs", ErrBroken, n)
	}
	var out []Range
	next := uint32(0)
	for range n {
		vpn, err1 := s.number()
		pages, err2 := s.number()
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		if vpn < next || vpn >= maxVPN || pages == 0 || pages > maxVPN-vpn {
			return nil, fmt.Errorf("%w: run of %d pages at %#x", ErrBroken, pages, vpn)
		}
		next = vpn + pages
		out = append(out, Range{vpn, pages})
	}
	return out, nil
}
