package logs

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/lambdabench/lambdabench/platform/body"
	"github.com/lambdabench/lambdabench/platform/metering"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

func open(t testing.TB, cfg Config) *Store {
	t.Helper()
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func record(group, text string) Record {
	end := time.UnixMilli(time.Now().UnixMilli())
	return Record{Owner: "o", Group: group, Stream: "s", Request: "r", Start: end.Add(-time.Second), End: end,
		Text:  []byte(text),
		Marks: []isolation.LogMark{{Offset: 0, At: end}}, Report: &metering.Report{RequestID: "r", Version: "1",
			Duration: time.Millisecond, Status: "error", ErrorType: "E", Error: "e"}}
}

func TestARecordComesBackAsItWas(t *testing.T) {
	s := open(t, Config{Dir: t.TempDir()})
	want := record("g", "text\n")
	at := s.Append(want)
	other := s.Append(Record{Group: "h", Text: []byte("\xff")})
	if got, err := s.Read(at); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v %v", got, err)
	}
	if got, err := s.Read(other); err != nil || string(got.Text) != "\xff" || got.Report != nil {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := s.Read(Position{Segment: 99}); !errors.Is(err, ErrGone) {
		t.Errorf("a record that never was: %v", err)
	}
}

func TestTheOldestRecordsGoWhenTheBoundIsMet(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir, Bytes: 1 << 20})
	first := s.Append(record("g", "first\n"))
	text := strings.Repeat("x", 10<<10) + "\n"
	for i := range 400 {
		s.Append(record("g", fmt.Sprint(i)+text))
		if i%20 == 0 {
			s.Flush()
		}
	}
	last := s.Append(record("g", "last\n"))
	if _, err := s.Read(last); err != nil {
		t.Error(err)
	}
	if _, err := s.Read(first); !errors.Is(err, ErrGone) {
		t.Errorf("the first record: %v", err)
	}
	var size int64
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	if most := int64(1<<20 + 2*minSegment + len(text)*21); size > most || size < 1<<19 {
		t.Errorf("the directory holds %d bytes, the bound is 1 MiB", size)
	}
}

func TestOldRecordsGo(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	s.Append(record("g", "old\n"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(dir, fmt.Sprintf("%016x%s", 1, suffix)), old, old); err != nil {
		t.Fatal(err)
	}
	again := open(t, Config{Dir: dir, Age: time.Minute})
	again.Append(record("g", "new\n"))
	groups, err := again.streams("o")
	if err != nil || groups["g"]["s"].bytes != int64(len("new\n")) {
		t.Errorf("%+v %v", groups["g"]["s"], err)
	}
}

// A platform that is killed may leave a part of a record; a disk may lie.
func TestAPartOfARecordEndsItsSegmentAlone(t *testing.T) {
	for name, harm := range map[string]func(b []byte) []byte{
		"cut":     func(b []byte) []byte { return b[:len(b)-3] },
		"flipped": func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
		"zeros":   func(b []byte) []byte { return append(b, make([]byte, 5000)...) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, Config{Dir: dir})
			s.Append(record("g", "whole\n"))
			s.Append(record("g", "torn\n"))
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, fmt.Sprintf("%016x%s", 1, suffix))
			b, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(path, harm(b), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			again := open(t, Config{Dir: dir})
			again.Append(record("g", "later\n"))
			var all string
			err = again.walk(Query{Owner: "o", Group: "g"}, place{}, func(e Event) bool {
				all += e.Message
				return true
			})
			if err != nil || !strings.Contains(all, "whole\n") || !strings.Contains(all, "later\n") {
				t.Errorf("%q %v", all, err)
			}
		})
	}
}

func TestADiskThatRefusesCostsRecordsAndNoMore(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	first := s.Append(record("g", "first\n"))
	s.Flush()
	s.writing.Lock()
	s.segments[len(s.segments)-1].file.Close() // every further write fails
	s.writing.Unlock()
	lost := s.Append(record("g", "lost\n"))
	s.Flush()
	next := s.Append(record("g", "next\n"))
	for at, want := range map[Position]error{first: nil, lost: ErrGone, next: nil} {
		if _, err := s.Read(at); !errors.Is(err, want) {
			t.Errorf("%v: %v, want %v", at, err, want)
		}
	}
}

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, message string
		want             bool
	}{
		{"ERROR", "an ERROR\n", true}, {"ERROR", "an error\n", false}, {`"two words" -not`, "two words\n", true},
		{`"two words" -not`, "two words, not\n", false}, {"?a ?b", "b", true}, {"?a ?b", "c", false},
		{"", "anything", true},
	} {
		match, err := Pattern(c.pattern)
		if err != nil || match != nil && match(c.message) != c.want {
			t.Errorf("%q on %q: %v, want %v", c.pattern, c.message, err, c.want)
		}
	}
	for _, pattern := range []string{"{ $.a = 1 }", "[a, b]", "%x%", `"open`, "-"} {
		if _, err := Pattern(pattern); !errors.Is(err, ErrPattern) {
			t.Errorf("%q: %v", pattern, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	r := record("g", "text\n")
	f.Add(r.append(nil)[headSize:])
	f.Add([]byte{255, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := decode(body)
		if err == nil {
			r.events(Position{})
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	s := open(b, Config{Dir: b.TempDir()})
	r := record("/aws/lambda/function", "")
	for b.Loop() {
		s.Append(r)
	}
}

func TestABodyThatCannotBeReadIsNoFailureOfTheAPI(t *testing.T) {
	api := NewAPI(APIConfig{Owner: "o"}, open(t, Config{Dir: t.TempDir()}))
	for kind, c := range map[string]struct {
		handler http.Handler
		sent    io.Reader
	}{
		"SerializationException": {api, iotest.ErrReader(errors.New("malformed chunked encoding"))},
		"ThrottlingException":    {body.Bounded(api, body.NewBudget(10)), strings.NewReader(strings.Repeat(" ", 100))},
	} {
		req := httptest.NewRequest(http.MethodPost, "/", c.sent)
		req.Header.Set("X-Amz-Target", TargetPrefix+"DescribeLogGroups")
		w := httptest.NewRecorder()
		c.handler.ServeHTTP(w, req)
		if got := w.Header().Get("X-Amzn-Errortype"); w.Code != http.StatusBadRequest || got != kind {
			t.Errorf("%d %s, want 400 %s: %s", w.Code, got, kind, w.Body)
		}
	}
}
