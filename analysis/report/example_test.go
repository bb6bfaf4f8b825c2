package report_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/report"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// A run folder needs no more than records; what else is missing is left out.
func ExampleWrite() {
	dir, err := os.MkdirTemp("", "run-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Mkdir(filepath.Join(dir, record.Folder), 0o755); err != nil {
		log.Fatal(err)
	}
	w, err := record.Create(filepath.Join(dir, record.Folder, "0001-deploy"+record.Suffix))
	if err != nil {
		log.Fatal(err)
	}
	for i := range 9 {
		w.Invocation(record.Invocation{Experiment: "deploy", Trial: 1, Backend: "made-up", Runtime: "nodejs20.x",
			Via: "worker", Path: "hot",
			Latency: int64(i+1) * 1e6, Outcome: "ok"})
	}
	if err := w.Commit(); err != nil {
		log.Fatal(err)
	}
	s, err := report.Write(dir, "")
	if err != nil {
		log.Fatal(err)
	}
	hot := s.One(summary.Query{Experiment: "deploy", Path: "hot", Metric: summary.MetricLatency})
	fmt.Printf("p50 %g %s, n %d\n", hot.P50, hot.Unit, hot.N)
	fmt.Println(hot.Warnings[0])
	// Output:
	// p50 5 ms, n 9
	// single trial: how trials differ is not known
}
