// Package live serves a page that follows a run, or a platform, as it goes. A [Source] looks
// at a run folder or at a platform's /metrics once a second; the server sends what it saw to
// every reader as Server-Sent Events. The page is one file without a build step.
//
//	source, err := live.OpenFolder("runs/today")
//	if err != nil { … }
//	err = live.Serve(ctx, listener, source, live.Options{})
//
// The watched side does not know that it is watched: package live only reads files that are
// finished, or asks a question that Prometheus asks too. Nothing waits for a reader. A reader
// has one state and one set of figures waiting, the newest; a write that a reader does not
// take within a deadline ends the reader.
package live

import (
	"context"
	"time"
)

// Source looks at what is watched. Look is called by one goroutine, at most once in a period.
type Source interface {
	// Look returns the state now. State.Ended tells that the next Look would see the same.
	// An error of the first Look ends the server.
	Look(ctx context.Context) (State, error)
}

// Period is the time from one look to the next, where Options give no other.
const Period = time.Second

// State is what the page shows. Texts are anybody's: the page shows them as texts.
type State struct {
	Title    string    `json:"title"`
	At       time.Time `json:"at"`
	Progress *Progress `json:"progress,omitempty"`
	Facts    []Fact    `json:"facts"`
	Errors   []string  `json:"errors,omitempty"` // the newest last
	Ended    string    `json:"ended,omitempty"`  // why nothing follows; "" while something does
	Complete bool      `json:"complete"`         // ended as it should

	// Figures are sent when their Version is another one than before.
	Figures Figures `json:"-"`
}

// Progress is how far a run is.
type Progress struct {
	Done   int     `json:"done"`
	Failed int     `json:"failed"`
	All    int     `json:"all"`
	Left   float64 `json:"left_s"` // estimate, in seconds; below 0 where there is none
}

// Fact is a quantity with its name, ready to be shown.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Figures are the larger part of a state.
type Figures struct {
	Version int     `json:"version"`
	Charts  []Chart `json:"charts,omitempty"`
	Table   *Table  `json:"table,omitempty"`
}

// Chart is curves over time.
type Chart struct {
	Title  string  `json:"title"`
	Unit   string  `json:"unit"`
	Curves []Curve `json:"curves"`
}

// Curve is a curve of a chart: a value a look, the newest last. A value that was not seen is
// null.
type Curve struct {
	Name   string     `json:"name"`
	Values []*float64 `json:"values"`
}

// Table is rows of texts.
type Table struct {
	Columns []string `json:"columns"`
	Rows    []Row    `json:"rows"`
	Note    string   `json:"note,omitempty"`
}

// Row is a row with the values of its trials in their order, which the page draws.
type Row struct {
	Cells  []string  `json:"cells"`
	Trials []float64 `json:"trials,omitempty"`
}
