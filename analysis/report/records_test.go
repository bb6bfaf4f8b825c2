package report

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// FuzzRecords analyses whatever rows decode as records: no row may panic the
// analysis, and what comes out must be JSON and tables.
func FuzzRecords(f *testing.F) {
	f.Add([]byte(`{"kind":"invocation","experiment":"deploy","path":"hot","latency":1,"outcome":"ok"}`))
	f.Add([]byte(`{"kind":"invocation","experiment":"burst","labels":{"load":"burst","burst":"1","period":"8s"},` +
		`"scheduled":-1,"latency":0,"outcome":""}`))
	f.Add([]byte(`{"kind":"measurement","experiment":"density","metric":"bytes_per_instance",` +
		`"value":1e308,"labels":{"state":"x"}}` + "\n" +
		`{"kind":"measurement","experiment":"throughput","metric":"throughput",` +
		`"value":1e-308,"labels":{"functions":"1e400"}}`))
	f.Add([]byte(`{"kind":"invocation","experiment":"mpsc","labels":{"schedule":"adaptive","provider":"a"},` +
		`"latency":9223372036854775807,"scheduled":9223372036854775807,"outcome":"ok"}`))
	f.Fuzz(func(t *testing.T, lines []byte) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write(lines)
		z.Close()
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, record.Folder), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, record.Folder, "0001"+record.Suffix), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		s, d, err := summary.Read(dir, "")
		if err != nil {
			return
		}
		if _, err := json.Marshal(s); err != nil {
			t.Fatal(err)
		}
		if err := Tables(io.Discard, s, 0); err != nil {
			t.Fatal(err)
		}
		all, err := drawAll(s, d)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range all {
			if svg := x.SVG(); bytes.Contains(svg, []byte("NaN")) {
				t.Fatalf("figure %s has a coordinate that is no number", x.Name)
			}
		}
	})
}
