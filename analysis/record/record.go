// Package record is the contract between running and analysing: what an
// experiment writes down, raw, and all that tables and figures are drawn from.
//
// A trial's file holds one JSON object a line: a [Trial] first, then each an [Invocation] or a
// [Measurement], told apart by their "kind".
package record

// Schema is the version of the records. A file of version 1 has no [Trial]: its name ends with
// the block. Fields, labels and metrics may be added within a version.
const Schema = 2

// Trial is the first line of a trial's file.
type Trial struct {
	Kind   string `json:"kind"` // "trial"
	Schema int    `json:"schema"`
	Number int    `json:"trial"` // in the order of the plan, from 1
	// the repeat of the experiment, from 1; 0 where it is not known. The trials of a block
	// are run one after the other in random order.
	Block int `json:"block"`
}

// Invocation is one invocation, successful or not. Times are in nanoseconds.
type Invocation struct {
	Kind       string            `json:"kind"` // "invocation"
	Experiment string            `json:"experiment"`
	Trial      int               `json:"trial"`
	Backend    string            `json:"backend"`
	Runtime    string            `json:"runtime"`
	Via        string            `json:"via"` // ViaSandbox, …
	Labels     map[string]string `json:"labels,omitempty"`
	Function   string            `json:"function"`
	Path       string            `json:"path"`      // PathHot, …; empty where it is not known
	Scheduled  int64             `json:"scheduled"` // when it should have started, since the trial's start
	Started    int64             `json:"started"`   // when it was sent, since the trial's start
	Latency    int64             `json:"latency"`   // from Scheduled (open loop) or Started (closed loop) to the reply
	Queue      int64             `json:"queue,omitempty"`
	Boot       int64             `json:"boot,omitempty"`
	Deploy     int64             `json:"deploy,omitempty"`
	Import     int64             `json:"import,omitempty"`
	Capture    int64             `json:"capture,omitempty"`
	Run        int64             `json:"run,omitempty"`
	Outcome    string            `json:"outcome"` // OutcomeOK, or what went wrong
	Error      string            `json:"error,omitempty"`
}

// Measurement is a figure that belongs to a whole trial and not to one
// invocation: a density, a rate, a size.
type Measurement struct {
	Kind       string            `json:"kind"` // "measurement"
	Experiment string            `json:"experiment"`
	Trial      int               `json:"trial"`
	Backend    string            `json:"backend"`
	Runtime    string            `json:"runtime"`
	Via        string            `json:"via"`
	Path       string            `json:"path,omitempty"`
	Labels     map[string]string `json:"labels,omitempty"`
	Metric     string            `json:"metric"` // MetricBytesPerInstance, …
	Unit       string            `json:"unit"`   // UnitBytes, …
	Value      float64           `json:"value"`
	Source     string            `json:"source,omitempty"` // how it was measured: "cgroup-v1", "pss"
}
