package record

// Experiments. Every row names its experiment; the report has a part for each.
const (
	ExperimentDeploy     = "deploy"
	ExperimentThroughput = "throughput"
	ExperimentDensity    = "density"
	ExperimentNetwork    = "network"
	ExperimentBurst      = "burst"
	ExperimentOverhead   = "overhead"
	ExperimentAO         = "ao"
	ExperimentTraining   = "training"
	ExperimentSurface    = "surface"
	ExperimentApps       = "apps"
	ExperimentMPSC       = "mpsc"
	ExperimentScheduling = "scheduling"
	ExperimentTrace      = "trace"
	ExperimentRate       = "rate"
)

// Ways to reach a function.
const (
	ViaSandbox = "sandbox" // the sandbox itself, no platform
	ViaWorker  = "worker"  // the worker, by a call in this process
	ViaGateway = "gateway" // the whole platform, over HTTP
)

// Paths of an invocation, as the platform's worker names them, and OutcomeOK, package
// isolation's outcome of a success. This package imports neither; a test of package
// bench/experiment compares the names.
const (
	PathHot  = "hot"
	PathWarm = "warm"
	PathCold = "cold"
	PathBoot = "boot"

	OutcomeOK = "ok"
)

// Labels of rows, and their meaning.
const (
	LabelWarmup   = "warmup"   // Warmup: the invocation warms up and does not count
	LabelIntended = "intended" // the path that a deploy trial meant, on an invocation that took another one
	LabelLoad     = "load"     // LoadBackground, LoadBurst in burst; LoadClosed in overhead
	LabelBurst    = "burst"    // number of the burst, from 0
	LabelStopped  = "stopped"  // why density created no more, or throughput did not count: StoppedBudget, …
	LabelBudget   = "budget"   // density's memory budget
	LabelAO       = "ao"       // in ao: the steps taken, AONone, "network", "network+interpreter"
	LabelApp      = "app"      // in apps and training: the application
	LabelTraining = "training" // in training: the training functions, TrainingNone, …
	LabelLike     = "like"     // in training: the training function that does work of the application's kind
	LabelFeature  = "feature"  // in surface: what is looked at, "pid namespace"
	LabelDetail   = "detail"   // in surface: what was seen, for a reader
	LabelSchedule = "schedule" // in mpsc: ScheduleAdaptive, or the provider that is fixed
	LabelProvider = "provider" // in mpsc: the provider that was called

	LabelFunctions = "functions"   // in throughput: the number of unique functions
	LabelPeriod    = "period"      // in burst: the time from one burst to the next
	LabelNetwork   = "network"     // in network: the one that sandboxes are on, "bridge"
	LabelState     = "state"       // in density: StateBooted, …
	LabelBatch     = "sched_batch" // in scheduling: "auto" or "off", the worker's sched_batch
	LabelClients   = "clients"     // in trace: the number of closed-loop clients
	LabelRate      = "rate"        // in rate: new functions a second

	// LabelStart is the start of a cold call: StartBoot, …. A record of a cold call without
	// it comes from an earlier version.
	LabelStart = "start"
	// LabelPace is the pace of hot calls: PaceTight or Pace20. A record of a hot call
	// without it comes from an earlier version, which called back to back.
	LabelPace = "pace"

	Warmup = "true"

	ScheduleAdaptive = "adaptive"

	LoadBackground = "background"
	LoadBurst      = "burst"
	LoadClosed     = "closed" // in overhead: clients that call as fast as they can

	StartBoot     = "boot"     // a runtime boots for the call
	StartStem     = "stem"     // a stem cell, that is a booted runtime without a function
	StartStemAO   = "stem+ao"  // a stem cell after the steps of anticipatory optimisation
	StartSnapshot = "snapshot" // a clone of a runtime snapshot

	PaceTight = "back to back" // the next call follows the reply at once
	Pace20    = "20/s"         // the next call follows 50 ms after the reply

	TrainingNone    = "none"    // no step that learns from training functions is taken
	TrainingWithout = "without" // the training functions but that of LabelLike
	TrainingWith    = "with"    // the training functions and that of LabelLike

	AONone      = "none"
	AOSeparator = "+" // between steps
)

// States of an instance that idles.
const (
	StateBooted = "booted" // the runtime with its driver, as in the paper
	StateServed = "served" // it has imported a function of its own and answered once
	StateIdle   = "idle"   // as served, and then left alone until it gives no more memory back
	// StatePaused is as served, and then frozen.
	StatePaused = "paused"
	// StateSwapped is as paused, with all memory that the kernel could take moved to a swap device in compressed
	// memory, which is counted.
	StateSwapped = "swapped"
)

// Reasons why density created no further instance, and why throughput did not count.
const (
	StoppedBudget = "budget"
	StoppedFloor  = "floor"
	StoppedCount  = "count"
	StoppedTime   = "time"
	StoppedError  = "error"

	StoppedFill = "fill" // in throughput: the trial's time was over before every function had answered once
)

// Units of measurements.
const (
	UnitBytes        = "bytes"
	UnitRate         = "1/s"
	UnitCount        = "1"
	UnitMilliseconds = "ms"
	UnitBool         = "bool" // 1 or 0
	UnitShare        = "share"
	UnitHertz        = "Hz"
)

// Metrics of measurements.
const (
	// share of the processors in use right before the trial, by whatever runs
	MetricBusy             = "busy_before"
	MetricThroughput       = "throughput"         // 1/s, correct replies
	MetricFilled           = "filled_functions"   // in throughput: those that answered before the count began
	MetricOffered          = "offered_rate"       // 1/s, in rate: calls that were due
	MetricUnsent           = "unsent_calls"       // in rate: calls that were due and given up before they were sent
	MetricCompletions      = "completions"        // in throughput: correct replies in the count
	MetricHotShare         = "hot_share"          // in throughput: share of the completions that are hot
	MetricPlatformMemory   = "platform_memory"    // bytes, resident, of platform and harness together
	MetricFunctionSnapshot = "function_snapshot"  // bytes
	MetricRuntimeSnapshot  = "runtime_snapshot"   // bytes
	MetricBytesPerInstance = "bytes_per_instance" // bytes
	MetricInstances        = "instances"          // created and kept
	MetricStemMemory       = "stem_memory"        // bytes, of one stem cell
	MetricRefillRate       = "refill_rate"        // 1/s, stem cells that one starter makes
	MetricPeakMemory       = "peak_memory"        // bytes, the most of all instances while each answered once more
	MetricCreationRate     = "creation_rate"      // 1/s
	// CPU time per call in UnitMilliseconds: user and system, of all that belongs to the call,
	// falling between calls included.
	MetricCPUTime = "cpu_time"
	// in throughput, unit UnitCount: the number of distinct functions that answered in the count
	MetricDistinct = "distinct_functions"
	// in burst, unit UnitCount: what the trial was made of. Records of earlier versions have none.
	MetricBursts        = "bursts"
	MetricBurstSize     = "burst_size"     // calls of a burst, all due at once
	MetricStemCells     = "stem_cells"     // that the worker holds ready
	MetricMostInstances = "most_instances" // sandboxes at a time
	// in surface, unit UnitBool: 1 where the sandbox has a LabelFeature of its own or enforces it
	MetricIsolated = "isolated"
	// in surface, unit UnitCount: how many of a LabelFeature the sandbox can reach, "host system calls"
	MetricReachable = "reachable"
)

// Metrics of the host during a trial, its conditions. They are no results: warnings beside
// the trial's results are made from them. Records of earlier versions have none.
const (
	MetricSteal          = "steal"           // share of the processors' time that the hypervisor gave to others
	MetricPressureCPU    = "pressure_cpu"    // share of the time in which some task waited for a processor
	MetricPressureMemory = "pressure_memory" // the same for memory
	MetricPressureIO     = "pressure_io"     // the same for the disk
	MetricFrequency      = "frequency"       // UnitHertz, mean over the processors and the trial
	MetricMemorySampled  = "memory_sampled"  // UnitBool: a thread of DAMON was there, as in Machine
	MetricAutogroup      = "autogroup"       // UnitBool, as in Machine; LabelDetail is the governor of CPU 0
)

// Conditions lists the metrics of the host during a trial.
func Conditions() []string {
	return []string{MetricSteal, MetricPressureCPU, MetricPressureMemory, MetricPressureIO, MetricFrequency,
		MetricMemorySampled, MetricAutogroup}
}

// Limits of a sandbox, as Machine.NotEnforced names them.
const (
	LimitMemory    = "memory"
	LimitProcesses = "processes"
	LimitCPU       = "cpu"
)
