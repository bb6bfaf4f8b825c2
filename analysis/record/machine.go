package record

import "time"

// Machine describes the host on which a run was made, as far as it says so
// itself. What could not be learned is empty.
type Machine struct {
	Date        time.Time `json:"date"` // when the run began
	CPU         string    `json:"cpu"`  // model name
	Cores       int       `json:"cores"`
	MemoryBytes int64     `json:"memory_bytes"`
	Kernel      string    `json:"kernel"`
	OS          string    `json:"os"`
	// the hypervisor's name, "" on bare metal or where it is not known
	Virtualisation string `json:"virtualisation,omitempty"`
	Governor       string `json:"governor,omitempty"` // of CPU 0
	// the scheduler groups the run's tasks by session (sched(7))
	Autogroup  bool       `json:"autogroup,omitempty"`
	Cgroups    string     `json:"cgroups,omitempty"` // "v1", "v2", "hybrid"
	User       string     `json:"user"`              // "root" or "ordinary"
	LoadBefore [3]float64 `json:"load_before"`       // load averages before the run
	// a thread of DAMON (kernel, admin-guide/mm/damon) samples the use of pages
	MemorySampled bool              `json:"memory_sampled,omitempty"`
	Interpreters  map[string]string `json:"interpreters"` // "nodejs20.x": "20.20.2"
	// name: version, or what the backend says of itself
	Backends map[string]string `json:"backends"`
	// by backend and limit (LimitMemory, …): why this host does not let the backend enforce the limit
	NotEnforced map[string]map[string]string `json:"not_enforced,omitempty"`
	Go          string                       `json:"go"`
	Commit      string                       `json:"commit,omitempty"`
	Dirty       bool                         `json:"dirty"` // built from a tree with uncommitted changes
}
