package main

import (
	"bytes"
	"strings"
	"testing"
)

const stream = `{"Action":"output","Package":"m/runtime/process","Test":"TestA","Output":"noise\n"}
{"Action":"pass","Package":"m/runtime/process","Test":"TestA"}
{"Action":"output","Package":"m/runtime/container","Test":"TestConformance/runc","Output":"    no runc\n"}
{"Action":"skip","Package":"m/runtime/container","Test":"TestConformance/runc"}
{"Action":"pass","Package":"m/runtime/container","Test":"TestConformance/crun/result"}
{"Action":"output","Package":"m/bench","Test":"TestB","Output":"broken\n"}
{"Action":"fail","Package":"m/bench","Test":"TestB"}
{"Action":"output","Package":"m/bench","Output":"FAIL m/bench\n"}
{"Action":"fail","Package":"m/bench"}
`

func TestCountsAndAttributesTestsToBackends(t *testing.T) {
	var out bytes.Buffer
	got, err := read(strings.NewReader(stream), &out)
	if err != nil {
		t.Fatal(err)
	}
	if got.passed != 2 || got.failed != 1 || got.skipped != 1 || !got.broken {
		t.Errorf("tally %+v", got)
	}
	for backend, want := range map[string]int{"process": 1, "container/crun": 1, "container/runc": 0, "unikernel": 0} {
		if n := got.ran(backend); n != want {
			t.Errorf("%s: %d tests ran, want %d", backend, n, want)
		}
	}
	if s := out.String(); strings.Contains(s, "noise") || !strings.Contains(s, "no runc") ||
		!strings.Contains(s, "broken") {
		t.Errorf("shown output:\n%s", s)
	}
}

// What go test says of a test that hangs until the time-out.
const hanging = `{"Action":"run","Package":"m/bench","Test":"TestC"}
{"Action":"output","Package":"m/bench","Test":"TestC","Output":"panic: test timed out after 25m\n"}
{"Action":"output","Package":"m/other","Test":"TestD","Output":"still running\n"}
{"Action":"output","Package":"m/bench","Output":"FAIL m/bench\n"}
{"Action":"fail","Package":"m/bench"}
`

func TestWhatATestSaidThatNeverEndedIsShown(t *testing.T) {
	var out bytes.Buffer
	got, err := read(strings.NewReader(hanging), &out)
	if err != nil || !got.broken {
		t.Errorf("%+v, %v", got, err)
	}
	if s := out.String(); !strings.Contains(s, "timed out after 25m") || strings.Contains(s, "still running") {
		t.Errorf("shown output:\n%s", s)
	}
}

func TestAPackageThatDoesNotBuildIsAFailure(t *testing.T) {
	got, err := read(strings.NewReader("# m/bench\n"+`{"Action":"build-fail","Package":"m/bench"}`+"\n"),
		&bytes.Buffer{})
	if err != nil || !got.broken {
		t.Errorf("%+v, %v", got, err)
	}
}
