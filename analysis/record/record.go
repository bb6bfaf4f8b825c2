// Package record is the contract between running and analysing: what an
// experiment writes down, raw, and all that tables and figures are drawn from.
//
// A trial's file holds one JSON object a line, an [Invocation] or a
// [Measurement], told apart by their "kind".
package record

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
