package workloads_test

import (
	"archive/zip"
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/workloads"
	"github.com/lambdabench/lambdabench/workloads/handlertest"
)

func TestEveryKindRunsAndAnswersItsNumber(t *testing.T) {
	srv, err := workloads.StartWaitServer("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	events := map[workloads.Kind]workloads.Event{
		workloads.NOP:   {},
		workloads.Spin:  workloads.SpinFor(30 * ms),
		workloads.Loop:  {Turns: 1 << 12},
		workloads.Wait:  {URL: srv.URL("", 20*ms)},
		workloads.Alloc: {Megabytes: 8},
	}
	for _, language := range handlertest.Languages {
		t.Run(language, func(t *testing.T) {
			handlertest.Need(t, language)
			for kind, event := range events {
				p, err := workloads.NewPopulation(t.TempDir(), language, kind)
				if err == nil {
					err = p.Grow(18)
				}
				if err != nil {
					t.Fatal(err)
				}
				if err := p.Check(17, handlertest.Call(t, language, p.Package(17), string(event.JSON()))); err != nil {
					t.Errorf("%s: %v", kind, err)
				}
			}
		})
	}
}

func TestAReplyOfAnotherFunctionIsNoticed(t *testing.T) {
	p, err := workloads.NewPopulation(t.TempDir(), "python", workloads.NOP)
	if err != nil {
		t.Fatal(err)
	}
	for _, reply := range []string{"4", "", "null", `"5"`} {
		if p.Check(5, []byte(reply)) == nil {
			t.Errorf("reply %q of function 5 passes", reply)
		}
	}
}

func TestFunctionsAreUniqueAndZipped(t *testing.T) {
	p, err := workloads.NewPopulation(t.TempDir(), "nodejs", workloads.NOP)
	if err == nil {
		err = p.Grow(1030)
	}
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile(filepath.Join(p.Package(1029), "index.js"))
	if err != nil || !bytes.Equal(code, p.Source(1029)) || bytes.Equal(code, p.Source(1028)) {
		t.Errorf("function 1029 is not its own: %v", err)
	}
	z, err := p.Zip(7)
	if err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(z), int64(len(z)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := r.Open("index.js")
	if err != nil {
		t.Fatal(err)
	}
	if code, _ := io.ReadAll(f); !bytes.Equal(code, p.Source(7)) {
		t.Errorf("zip holds %q", code)
	}
	if _, err := workloads.NewPopulation(t.TempDir(), "cobol", workloads.NOP); err == nil ||
		!strings.Contains(err.Error(), "cobol") {
		t.Errorf("error %v does not name the language", err)
	}
}

func TestWaitServerWaitsAndRefusesNonsense(t *testing.T) {
	srv, err := workloads.StartWaitServer("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	start := time.Now()
	resp, err := client.Get(srv.URL("localhost", 30*ms))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if d := time.Since(start); d < 30*ms || resp.StatusCode != http.StatusOK {
		t.Errorf("status %d after %v", resp.StatusCode, d)
	}
	for _, d := range []time.Duration{-time.Second, time.Hour} {
		resp, err := client.Get(srv.URL("", d))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("a delay of %v: status %d", d, resp.StatusCode)
		}
	}
}
