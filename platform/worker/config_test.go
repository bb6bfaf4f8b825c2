package worker

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime"
	"gopkg.in/yaml.v3"
)

func TestBadConfigIsNamed(t *testing.T) {
	for want, cfg := range map[string]Config{
		"stem_cells is -1":       {StemCells: -1},
		"idle.bytes":             {Idle: Cache{Bytes: -5}},
		"capture is":             {Capture: "sometimes"},
		"more than sandboxes, 2": {StemCells: 3, Sandboxes: 2},
		"keep_alive":             {KeepAlive: -time.Second},
	} {
		_, err := New(cfg, newFake(t), []runtime.Interpreter{node})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
	two := []runtime.Interpreter{node, {Runtime: "python3.11"}}
	if _, err := New(Config{StemCells: 3, Sandboxes: 4}, newFake(t), two); err == nil || !strings.Contains(err.Error(), "each of 2 runtimes") {
		t.Errorf("stem cells of two runtimes: %v", err)
	}
}

func TestBytesAreReadWithAndWithoutUnits(t *testing.T) {
	for text, want := range map[string]Bytes{"4096": 4096, "512MiB": 512 << 20, "2 GB": 2e9, "0": 0} {
		var b Bytes
		if err := yaml.Unmarshal([]byte(text), &b); err != nil || b != want {
			t.Errorf("%s is %d, %v", text, b, err)
		}
	}
	for _, text := range []string{"lots", "-1", "[1]", "99999999999 GiB"} {
		var c struct {
			Memory Bytes `yaml:"memory"`
		}
		if err := yaml.Unmarshal([]byte("\nmemory: "+text), &c); err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%s: %d, %v", text, c.Memory, err)
		}
	}
}

func TestZeroConfigHasRoomForStemCellsOfEveryRuntime(t *testing.T) {
	two := []runtime.Interpreter{node, {Runtime: "python3.11"}}
	f := newFake(t)
	w, err := New(Config{StemCells: 3000, Starters: 8}, f, two)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := w.Ready(ctx); err != nil {
		t.Error(err)
	}
	if s := w.Stats(); s.StemCells != 6000 {
		t.Errorf("%+v", s)
	}
}

func TestReadySaysWhatCouldNotBeStarted(t *testing.T) {
	f := newFake(t)
	f.onBoot = func() error { return errFake }
	for _, b := range []runtime.Backend{f, fakeSnapshotter{f}} {
		w := start(t, Config{StemCells: 1}, b)
		if err := w.Ready(context.Background()); err == nil || !strings.Contains(err.Error(), "nodejs20.x: fake failure") {
			t.Errorf("Ready returned %v", err)
		}
	}
}
