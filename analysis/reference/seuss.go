// Package reference has what the SEUSS paper says of its own evaluation
// (Cadden et al., SEUSS: Skip Redundant Paths to Make Serverless Fast, EuroSys
// 2020), to be drawn beside what is measured here, always under [Label]. None of
// it was measured by LambdaBench.
package reference

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"

	"github.com/lambdabench/lambdabench/analysis/record"
)

// Label names the paper's values wherever they are shown. The machine: 16
// cores Xeon E5-2660 at 2.2 GHz without turbo, 88 GB, OpenWhisk 0.9, Docker
// 18.09, Linux 4.15; functions in Node.js.
const Label = "SEUSS paper, 16 cores 88 GB"

// Runtime is the language of the paper's functions.
const Runtime = "Node.js"

// Language is Runtime as in the names of runtimes.
const Language = "nodejs"

// memory is that of the paper's machine, in GB.
const memory = 88

// Path is one column of table 1: means of 475 NOP invocations, from 'received
// by the node' to 'result'.
type Path struct {
	Path   string
	Millis float64
}

// Paths is table 1.
func Paths() []Path {
	return []Path{{record.PathHot, 0.8}, {record.PathWarm, 3.5}, {record.PathCold, 7.5}}
}

// PathInvocations is the n of table 1.
const PathInvocations = 475

// AOStep is one column of table 2, with the snapshot sizes that section 6
// gives before and after anticipatory optimisation; 0 where it gives none.
type AOStep struct {
	Steps              string
	ColdMillis         float64
	WarmMillis         float64
	RuntimeSnapshotMB  float64
	FunctionSnapshotMB float64
}

// AOSteps is table 2.
func AOSteps() []AOStep {
	return []AOStep{
		{record.AONone, 42, 7.6, 109.6, 4.8},
		{"network", 16.8, 5.5, 0, 0},
		{"network+interpreter", 7.5, 3.5, 114.5, 2.0},
	}
}

// Isolation is one row of table 3: 16 creations at a time; idle Node.js
// drivers that fit in 88 GB.
type Isolation struct {
	Name      string
	Creations float64 // 1/s
	Instances float64
}

// MBEach is the paper's 88 GB divided by the number of instances.
func (i Isolation) MBEach() float64 { return memory * 1000 / i.Instances }

// Isolations is table 3, in its order.
func Isolations() []Isolation {
	return []Isolation{
		{"Firecracker microVM", 1.3, 450},
		{"Docker, overlay2", 5.3, 3000},
		{"Linux process", 45, 4200},
		{"SEUSS UC", 128.6, 54000},
	}
}

// Burst is what section 6 and figures 6 to 8 say of one period; 0 where
// nothing is said.
type Burst struct {
	System     string
	Period     int     // s
	FirstError float64 // s after the start; 0: no error
	MaxLatency float64 // s, of a burst's call
}

// Bursts is figures 6 to 8. Of Linux the paper gives one bound for all periods:
// bursts take up to 43 s, the background is silent for up to a minute.
func Bursts() []Burst {
	return []Burst{
		{"Linux", 32, 181, 43}, {"Linux", 16, 46, 43}, {"Linux", 8, 40, 43},
		{"SEUSS", 32, 0, 4.3}, {"SEUSS", 16, 0, 3.7}, {"SEUSS", 8, 0, 5.2},
	}
}

// Throughput is one pair of points of figure 4, read out of the drawing, in
// requests a second.
type Throughput struct {
	Functions    int
	SEUSS, Linux float64
}

//go:embed seuss_fig4.csv
var figure4 string

// Throughputs is figure 4: 32 closed-loop clients, NOP, stem cells off.
func Throughputs() ([]Throughput, error) {
	rows, err := csv.NewReader(strings.NewReader(figure4)).ReadAll()
	if err != nil || len(rows) < 2 {
		return nil, fmt.Errorf("embedded seuss_fig4.csv: %d rows: %w", len(rows), err)
	}
	var all []Throughput
	for i, row := range rows[1:] {
		m, errM := strconv.Atoi(row[0])
		s, errS := strconv.ParseFloat(row[1], 64)
		l, errL := strconv.ParseFloat(row[2], 64)
		for _, err := range []error{errM, errS, errL} {
			if err != nil {
				return nil, fmt.Errorf("embedded seuss_fig4.csv, row %d: %w", i+1, err)
			}
		}
		all = append(all, Throughput{m, s, l})
	}
	return all, nil
}
