package workloads

import (
	"archive/zip"
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Kind is the work that a function of a population does.
type Kind string

// The kinds. Each function returns its own number, so that a reply of another
// function than the one that was called does not go unnoticed.
const (
	NOP   Kind = "nop"   // nothing
	Spin  Kind = "spin"  // compute for a processor time
	Loop  Kind = "loop"  // compute for a number of turns
	Wait  Kind = "wait"  // wait for an HTTP server
	Alloc Kind = "alloc" // allocate and touch memory
)

// Handler is the handler of every function here, in AWS Lambda's notation.
const Handler = "index.handler"

//go:embed functions
var templates embed.FS

var suffix = map[string]string{"nodejs": ".js", "python": ".py"}

// Population is a set of unique functions: each has a number, and code of its
// own made from one template. Files are written on demand, once.
type Population struct {
	dir      string
	language string
	kind     Kind
	source   []byte
	size     int // functions 0 to size-1 are on disk
}

// NewPopulation returns an empty population of functions in a language
// ("nodejs", "python"), whose packages are to be kept below dir.
func NewPopulation(dir, language string, kind Kind) (*Population, error) {
	source, err := templates.ReadFile("functions/" + string(kind) + suffix[language])
	if err != nil {
		return nil, fmt.Errorf("no template for functions of kind %q in language %q", kind, language)
	}
	return &Population{dir: dir, language: language, kind: kind, source: source}, nil
}

// Name is the name of function i, unique among all populations of a language.
func (p *Population) Name(i int) string { return fmt.Sprintf("%s-%05d", p.kind, i) }

// Source is the code of function i.
func (p *Population) Source(i int) []byte {
	return bytes.ReplaceAll(p.source, []byte("@N@"), strconv.AppendInt(nil, int64(i), 10))
}

// Package is the directory of function i's code. It is there once Grow has
// made i+1 functions.
func (p *Population) Package(i int) string {
	return filepath.Join(p.dir, strconv.Itoa(i/1024), strconv.Itoa(i))
}

// Grow writes the packages of functions up to m-1 that are not yet there.
func (p *Population) Grow(m int) error {
	for ; p.size < m; p.size++ {
		dir := p.Package(p.size)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("write function %s: %w", p.Name(p.size), err)
		}
		if err := os.WriteFile(filepath.Join(dir, "index"+suffix[p.language]), p.Source(p.size), 0o644); err != nil {
			return fmt.Errorf("write function %s: %w", p.Name(p.size), err)
		}
	}
	return nil
}

// Zip is function i's package as AWS Lambda takes it.
func (p *Population) Zip(i int) ([]byte, error) {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	f, err := w.Create("index" + suffix[p.language])
	if err == nil {
		_, err = f.Write(p.Source(i))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("zip function %s: %w", p.Name(i), err)
	}
	return buf.Bytes(), nil
}

// Check compares a reply with what function i returns.
func (p *Population) Check(i int, reply []byte) error {
	if got, err := strconv.Atoi(string(bytes.TrimSpace(reply))); err != nil || got != i {
		return fmt.Errorf("function %s answered %.40q, it should be %d", p.Name(i), reply, i)
	}
	return nil
}

// Event is the event of a function. A kind reads its own fields; the others stay zero.
type Event struct {
	Milliseconds float64 `json:"ms,omitempty"`    // Spin: processor time
	Turns        int     `json:"turns,omitempty"` // Loop
	URL          string  `json:"url,omitempty"`   // Wait
	Megabytes    int     `json:"mb,omitempty"`    // Alloc
}

// SpinFor is the event that has a Spin function compute for d.
func SpinFor(d time.Duration) Event {
	return Event{Milliseconds: float64(d) / float64(time.Millisecond)}
}

// JSON is the event as a payload.
func (e Event) JSON() []byte {
	b, err := json.Marshal(e)
	if err != nil {
		return []byte("{}") // no field of Event can fail
	}
	return b
}
