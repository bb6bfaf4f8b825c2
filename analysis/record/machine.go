package record

import "time"

// Machine describes the host on which a run was made, as far as it says so
// itself. What could not be learned is empty.
type Machine struct {
	Date           time.Time         `json:"date"` // when the run began
	CPU            string            `json:"cpu"`  // model name
	Cores          int               `json:"cores"`
	MemoryBytes    int64             `json:"memory_bytes"`
	Kernel         string            `json:"kernel"`
	OS             string            `json:"os"`
	Virtualisation string            `json:"virtualisation,omitempty"` // the hypervisor's name, "" on bare metal or where it is not known
	Governor       string            `json:"governor,omitempty"`       // of CPU 0
	Cgroups        string            `json:"cgroups,omitempty"`        // "v1", "v2", "hybrid"
	User           string            `json:"user"`                     // "root" or "ordinary"
	LoadBefore     [3]float64        `json:"load_before"`              // load averages before the run
	MemorySampled  bool              `json:"memory_sampled,omitempty"` // a thread of DAMON (kernel, admin-guide/mm/damon) samples who uses which page
	Interpreters   map[string]string `json:"interpreters"`             // "nodejs20.x": "20.20.2"
	Backends       map[string]string `json:"backends"`                 // name: version, or what the backend says of itself
	Go             string            `json:"go"`
	Commit         string            `json:"commit,omitempty"`
	Dirty          bool              `json:"dirty"` // built from a tree with uncommitted changes
}
