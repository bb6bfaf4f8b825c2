package worker

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"gopkg.in/yaml.v3"
)

func TestBadConfigIsNamed(t *testing.T) {
	for want, cfg := range map[string]Config{
		"stem_cells is -1":       {StemCells: -1},
		"idle.bytes":             {Idle: Cache{Bytes: -5}},
		"capture is":             {Capture: "sometimes"},
		"sched_batch is":         {Batch: "always"},
		"more than sandboxes, 2": {StemCells: 3, Sandboxes: 2},
		"keep_alive":             {KeepAlive: -time.Second},
		"memory_per_cpu is -1":   {MemoryPerCPU: -1},
	} {
		_, err := New(cfg, newFake(t), []isolation.Interpreter{node})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
	two := []isolation.Interpreter{node, {Runtime: "python3.11"}}
	if _, err := New(Config{StemCells: 3, Sandboxes: 4}, newFake(t), two); err == nil ||
		!strings.Contains(err.Error(), "each of 2 runtimes") {
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
		if err := yaml.Unmarshal([]byte("\nmemory: "+text), &c); err == nil ||
			!strings.Contains(err.Error(), "line 2") {
			t.Errorf("%s: %d, %v", text, c.Memory, err)
		}
	}
}

func TestZeroConfigHasRoomForStemCellsOfEveryRuntime(t *testing.T) {
	two := []isolation.Interpreter{node, {Runtime: "python3.11"}}
	f := newFake(t)
	w, err := New(Config{StemCells: 3000, Starters: 8}, f, two)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := w.Ready(ctx); err != nil {
		t.Error(err)
	}
	if s := w.Stats(); s.StemCells != 6000 {
		t.Errorf("%+v", s)
	}
}

// sized is a backend that says what it takes of a host.
type sized struct {
	isolation.Backend
	footprint int64
	bounds    []isolation.Bound
}

func (s sized) Footprint() int64          { return s.footprint }
func (s sized) Bounds() []isolation.Bound { return s.bounds }

func TestTheBackendsFootprintAndBoundsLimitSandboxes(t *testing.T) {
	silent := newFake(t)
	for name, c := range map[string]struct {
		backend isolation.Backend
		free    int64
		want    int
	}{
		"silent":              {silent, 480 << 20, 10},
		"silent, much memory": {silent, 1 << 40, 4096},
		"light":               {sized{silent, 2 << 20, nil}, 4 << 30, 1024},
		"light, much memory":  {sized{silent, 2 << 20, nil}, 256 << 30, 65536},
		"heavy":               {sized{silent, 200 << 20, nil}, 4 << 30, 10},
		"bounded by the host": {sized{silent, 2 << 20, []isolation.Bound{{Sandboxes: 900}, {Sandboxes: 700}}}, 4 << 30,
			700},
		"bounded by memory":    {sized{silent, 2 << 20, []isolation.Bound{{Sandboxes: 2000}}}, 4 << 30, 1024},
		"no backend is chosen": {nil, 480 << 20, 10},
	} {
		if got := bears(c.backend, c.free); got != c.want {
			t.Errorf("%s: %d sandboxes, want %d", name, got, c.want)
		}
	}
	bounded := sized{silent, 1, []isolation.Bound{{Sandboxes: 77}}}
	if c := (Config{}).Resolved(bounded); c.Sandboxes != 77 || c.Idle.Count != 77 {
		t.Errorf("defaults are %d sandboxes, %d idle", c.Sandboxes, c.Idle.Count)
	}
	if c := (Config{Sandboxes: 100, Idle: Cache{Count: 5}}).Resolved(bounded); c.Sandboxes != 100 || c.Idle.Count != 5 {
		t.Errorf("what was configured became %d sandboxes, %d idle", c.Sandboxes, c.Idle.Count)
	}
}

func TestReadySaysWhatCouldNotBeStarted(t *testing.T) {
	f := newFake(t)
	f.onBoot = func() error { return errFake }
	for _, b := range []isolation.Backend{f, fakeSnapshotter{f}} {
		w := start(t, Config{StemCells: 1}, b)
		if err := w.Ready(context.Background()); err == nil ||
			!strings.Contains(err.Error(), "nodejs20.x: fake failure") {
			t.Errorf("Ready returned %v", err)
		}
	}
}
