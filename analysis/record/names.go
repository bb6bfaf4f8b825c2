package record

// Labels of rows, and what they say. Labels that vary a parameter ("functions",
// "period", "state") are named by their experiment.
const (
	LabelWarmup   = "warmup"   // "true": the invocation warms up and does not count
	LabelIntended = "intended" // the path that a deploy trial meant, on an invocation that took another one
	LabelLoad     = "load"     // LoadBackground, LoadBurst in burst; LoadClosed in overhead
	LabelBurst    = "burst"    // number of the burst, from 0
	LabelStopped  = "stopped"  // why density created no further instance: "budget", "floor", "count", "time", "error"
	LabelBudget   = "budget"   // density's memory budget
	LabelAO       = "ao"       // in ao: the steps taken, "none", "network", "network+interpreter"
	LabelApp      = "app"      // in apps: the application
	LabelFeature  = "feature"  // in surface: what is looked at, "pid namespace"
	LabelDetail   = "detail"   // in surface: what was seen, for a reader
	LabelSchedule = "schedule" // in mpsc: ScheduleAdaptive, or the provider that is fixed
	LabelProvider = "provider" // in mpsc: who was called

	ScheduleAdaptive = "adaptive"

	LoadBackground = "background"
	LoadBurst      = "burst"
	LoadClosed     = "closed" // in overhead: clients that call as fast as they can
)

// Metrics of measurements.
const (
	MetricBusy             = "busy_before"        // share of the processors in use right before the trial, by whatever runs
	MetricThroughput       = "throughput"         // 1/s, correct replies
	MetricPlatformMemory   = "platform_memory"    // bytes, resident, of platform and harness together
	MetricFunctionSnapshot = "function_snapshot"  // bytes
	MetricRuntimeSnapshot  = "runtime_snapshot"   // bytes
	MetricBytesPerInstance = "bytes_per_instance" // bytes
	MetricInstances        = "instances"          // created and kept
	MetricPeakMemory       = "peak_memory"        // bytes, the most of all instances while each answered once more
	MetricCreationRate     = "creation_rate"      // 1/s
	MetricIsolated         = "isolated"           // in surface, unit "bool": 1 where the sandbox has a LabelFeature of its own or enforces it
	MetricReachable        = "reachable"          // in surface, unit "1": how many of a LabelFeature the sandbox can reach, "host system calls"
)
