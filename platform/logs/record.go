package logs

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"

	"github.com/lambdabench/lambdabench/platform/metering"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// Record is the log of an invocation.
type Record struct {
	Owner   string // no other owner reads the record
	Group   string // "/aws/lambda/NAME"
	Stream  string
	Request string // empty for what was printed outside of an invocation

	Start, End time.Time
	Text       []byte // what was printed
	Marks      []isolation.LogMark
	Report     *metering.Report // nil for a log without START, END and REPORT
}

// Of is the log of an invocation that has just ended.
func Of(owner, group string, req worker.Request, res worker.Response) Record {
	report := metering.NewReport(req, res)
	end := time.Now()
	s := res.Stages
	return Record{
		Owner: owner, Group: group, Stream: res.LogStream, Request: report.RequestID,
		Start: end.Add(-(s.Boot + s.Deploy + s.Import + s.Capture + s.Run)), End: end,
		Text: res.Logs, Marks: res.Marks, Report: &report,
	}
}

// A record in a file:
//
//	u32 length of the body, u32 CRC-32C of the body, body
//
// The body is strings with their lengths and numbers as varints, times in
// milliseconds since 1970, in the order of append below; the text is its rest.
const headSize = 8

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errTorn    = errors.New("no whole record")
)

func (r *Record) append(b []byte) []byte {
	head := len(b)
	b = append(b, make([]byte, headSize)...)
	for _, s := range [...]string{r.Owner, r.Group, r.Stream, r.Request} {
		b = appendString(b, s)
	}
	b = binary.AppendVarint(b, r.Start.UnixMilli())
	b = binary.AppendVarint(b, r.End.UnixMilli())
	b = r.appendReport(b)
	b = binary.AppendUvarint(b, uint64(len(r.Marks)))
	for _, m := range r.Marks {
		b = binary.AppendUvarint(b, uint64(m.Offset))
		b = binary.AppendVarint(b, m.At.UnixMilli())
	}
	b = append(b, r.Text...)
	body := b[head+headSize:]
	binary.LittleEndian.PutUint32(b[head:], uint32(len(body)))
	binary.LittleEndian.PutUint32(b[head+4:], crc32.Checksum(body, castagnoli))
	return b
}

func (r *Record) appendReport(b []byte) []byte {
	p := r.Report
	if p == nil {
		return append(b, 0)
	}
	b = append(b, 1)
	for _, s := range [...]string{p.Version, p.Status, p.ErrorType, p.Error} {
		b = appendString(b, s)
	}
	for _, n := range [...]int64{int64(p.Duration), int64(p.Billed), p.MemoryBytes, p.MaxMemory, int64(p.Init)} {
		b = binary.AppendVarint(b, n)
	}
	return b
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// reader decodes a body. After an error all that it returns is zero.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uvarint() uint64 {
	n, k := binary.Uvarint(r.b)
	if k <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[k:]
	return n
}

func (r *reader) varint() int64 {
	n, k := binary.Varint(r.b)
	if k <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[k:]
	return n
}

func (r *reader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	s := r.b[:n]
	r.b = r.b[n:]
	return s
}

func (r *reader) string() string { return string(r.bytes()) }

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

// decode reads a body, which the record keeps a part of.
func decode(body []byte) (Record, error) {
	in := &reader{b: body}
	r := Record{Owner: in.string(), Group: in.string(), Stream: in.string(), Request: in.string()}
	r.Start, r.End = time.UnixMilli(in.varint()), time.UnixMilli(in.varint())
	if in.byte() == 1 {
		p := &metering.Report{RequestID: r.Request, Version: in.string(), Status: in.string(), ErrorType: in.string(),
			Error: in.string()}
		p.Duration, p.Billed = time.Duration(in.varint()), time.Duration(in.varint())
		p.MemoryBytes, p.MaxMemory, p.Init = in.varint(), in.varint(), time.Duration(in.varint())
		r.Report = p
	}
	for n := in.uvarint(); n > 0 && !in.bad; n-- {
		r.Marks = append(r.Marks, isolation.LogMark{Offset: int(in.uvarint()), At: time.UnixMilli(in.varint())})
	}
	r.Text = in.b
	if in.bad {
		return Record{}, errTorn
	}
	return r, nil
}
