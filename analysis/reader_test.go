package analysis

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/lambdabench/lambdabench/analysis/record"
)

// FuzzRecords analyses whatever rows decode as records: no row may panic the
// analysis, and what comes out must be JSON and tables.
func FuzzRecords(f *testing.F) {
	f.Add([]byte(`{"kind":"invocation","experiment":"deploy","path":"hot","latency":1,"outcome":"ok"}`))
	f.Add([]byte(`{"kind":"invocation","experiment":"burst","labels":{"load":"burst","burst":"1","period":"8s"},"scheduled":-1,"latency":0,"outcome":""}`))
	f.Add([]byte(`{"kind":"measurement","experiment":"density","metric":"bytes_per_instance","value":1e308,"labels":{"state":"x"}}` + "\n" +
		`{"kind":"measurement","experiment":"throughput","metric":"throughput","value":1e-308,"labels":{"functions":"1e400"}}`))
	f.Add([]byte(`{"kind":"invocation","experiment":"mpsc","labels":{"schedule":"adaptive","provider":"a"},"latency":9223372036854775807,"scheduled":9223372036854775807,"outcome":"ok"}`))
	f.Fuzz(func(t *testing.T, lines []byte) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write(lines)
		z.Close()
		r := &reader{busy: -1}
		if err := record.Decode(&b, r.invocation, r.measurement); err != nil {
			return
		}
		d := merge([]*data{r.finish()})
		s := &Summary{Schema: Schema, Results: results(d)}
		if _, err := json.Marshal(s); err != nil {
			t.Fatal(err)
		}
		if err := Tables(io.Discard, s); err != nil {
			t.Fatal(err)
		}
		all, err := figures(s, d)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range all {
			if _, err := x.SVG(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// BenchmarkSummarise analyses SYNTHETIC invocations, 50,000 a trial; the time
// for two million rows is 40 of them.
func BenchmarkSummarise(b *testing.B) {
	g := newSynthetic(b, 1, 1)
	for range 4 {
		g.many(50_000)
	}
	rows := 0
	for b.Loop() {
		_, d, err := summarise(g.dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		rows += d.rows
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

func (g *synthetic) many(n int) {
	g.trial("throughput", "process", "nodejs20.x", "worker", map[string]string{"functions": "4096"}, func(put func(record.Invocation), _ func(record.Measurement)) {
		for i := range n {
			r := record.Invocation{Function: fmt.Sprintf("nop-%05d", i%4096), Path: "hot", Scheduled: int64(i) * 1e5, Started: int64(i) * 1e5, Latency: g.draw(2), Outcome: "ok"}
			r.Run = r.Latency / 2
			put(r)
		}
	})
}

// TestWriteLargeRun leaves a SYNTHETIC run of two million rows in the folder
// that LAMBDABENCH_LARGE_RUN names, for measuring the report's memory by hand.
func TestWriteLargeRun(t *testing.T) {
	dir := os.Getenv("LAMBDABENCH_LARGE_RUN")
	if dir == "" {
		t.Skip("set LAMBDABENCH_LARGE_RUN to a folder to have two million synthetic rows written there")
	}
	g := newSynthetic(t, 1, 1)
	for range 40 {
		g.many(50_000)
	}
	if err := os.CopyFS(filepath.Clean(dir), os.DirFS(g.dir)); err != nil {
		t.Fatal(err)
	}
}
