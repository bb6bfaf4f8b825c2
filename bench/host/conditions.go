package host

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
)

// Conditions watches the host during one trial, for the things that spoil a figure
// without anybody's doing: processor time that the hypervisor takes, tasks that wait for a
// processor, for memory or for the disk, and a clock that slows down. The counters are read
// at the beginning and at the end; the frequency, which has no counter, each second.
//
//	c := host.WatchConditions(ctx)
//	… // the trial
//	for _, m := range c.End() { … }
type Conditions struct {
	root   string // "/"
	begun  counters
	stop   context.CancelFunc
	over   sync.WaitGroup
	clocks []float64 // Hz, a mean over the processors for each reading
}

// counters are cumulative since the boot of the host.
type counters struct {
	at           time.Time
	all, stolen  float64            // ticks of all processors together
	waitedMicros map[string]float64 // by the resource's name in /proc/pressure; no entry where not told
}

// clockPeriod is the time between two readings of the processors' frequency.
const clockPeriod = time.Second

// WatchConditions begins to watch.
func WatchConditions(ctx context.Context) *Conditions { return watchConditions(ctx, "/") }

func watchConditions(ctx context.Context, root string) *Conditions {
	c := &Conditions{root: root}
	ctx, c.stop = context.WithCancel(ctx)
	c.begun = c.counters()
	c.over.Add(1)
	go c.readClocks(ctx)
	return c
}

// End ends the watch and tells what was seen. What the host does not tell is left out.
func (c *Conditions) End() []record.Measurement {
	c.stop()
	c.over.Wait()
	now := c.counters()
	var all []record.Measurement
	put := func(metric, unit string, value float64, source string) {
		all = append(all, record.Measurement{Metric: metric, Unit: unit, Value: value, Source: source})
	}
	if ticks := now.all - c.begun.all; ticks > 0 {
		put(record.MetricSteal, record.UnitShare, (now.stolen-c.begun.stolen)/ticks, "/proc/stat")
	}
	if wall := now.at.Sub(c.begun.at); wall > 0 {
		for _, resource := range pressures {
			before, ok := c.begun.waitedMicros[resource.name]
			after, still := now.waitedMicros[resource.name]
			if ok && still {
				// Clock and counter are not read in one moment.
				share := min(1, (after-before)/float64(wall.Microseconds()))
				put(resource.metric, record.UnitShare, share, "/proc/pressure")
			}
		}
	}
	if len(c.clocks) > 0 {
		put(record.MetricFrequency, record.UnitHertz, mean(c.clocks), "cpufreq")
	}
	put(record.MetricMemorySampled, record.UnitBool, boolean(hasThread(c.root, "kdamond.")), "/proc")
	settings := record.Measurement{Metric: record.MetricAutogroup, Unit: record.UnitBool,
		Value: boolean(autogroup(c.root)), Source: "/proc/sys"}
	if g := governor(c.root); g != "" {
		settings.Labels = map[string]string{record.LabelDetail: g}
	}
	return append(all, settings)
}

// pressures are the resources of the kernel's pressure stall information
// (Documentation/accounting/psi.rst).
var pressures = []struct{ name, metric string }{
	{"cpu", record.MetricPressureCPU}, {"memory", record.MetricPressureMemory}, {"io", record.MetricPressureIO},
}

func (c *Conditions) counters() counters {
	n := counters{at: time.Now(), waitedMicros: map[string]float64{}}
	// proc(5), /proc/stat: user nice system idle iowait irq softirq steal guest guest_nice;
	// the guests' time is in the first two already.
	fields := strings.Fields(firstLine(filepath.Join(c.root, "proc/stat")))
	for i := 1; i < len(fields) && i <= 8; i++ {
		ticks := float64(atoi(fields[i]))
		n.all += ticks
		if i == 8 {
			n.stolen = ticks
		}
	}
	for _, resource := range pressures {
		// some avg10=0.00 avg60=0.00 avg300=0.00 total=17613920481
		some := firstLine(filepath.Join(c.root, "proc/pressure", resource.name))
		if _, total, ok := strings.Cut(some, "total="); ok && strings.HasPrefix(some, "some ") {
			n.waitedMicros[resource.name] = float64(atoi(total))
		}
	}
	return n
}

// readClocks is a goroutine of the watch: it reads the frequency until ctx ends, and once
// then.
func (c *Conditions) readClocks(ctx context.Context) {
	defer c.over.Done()
	files, _ := filepath.Glob(filepath.Join(c.root, "sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_cur_freq"))
	if len(files) == 0 {
		return
	}
	tick := time.NewTicker(clockPeriod)
	defer tick.Stop()
	for on := true; on; {
		select {
		case <-ctx.Done():
			on = false
		case <-tick.C:
		}
		var now []float64
		for _, f := range files {
			if kHz, err := strconv.ParseFloat(readLine(f), 64); err == nil {
				now = append(now, kHz*1000)
			}
		}
		if len(now) > 0 {
			c.clocks = append(c.clocks, mean(now))
		}
	}
}

// autogroup reports whether the scheduler groups this process's tasks by session (sched(7)).
// It does so outside CPU cgroups alone.
func autogroup(root string) bool {
	if readLine(filepath.Join(root, "proc/sys/kernel/sched_autogroup_enabled")) != "1" {
		return false
	}
	unified := "/"
	for line := range strings.Lines(readLine(filepath.Join(root, "proc/self/cgroup"))) {
		// cgroups(7): hierarchy-ID:controller-list:cgroup-path; version 2 has no controllers
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(f) < 3:
		case slices.Contains(strings.Split(f[1], ","), "cpu"):
			return f[2] == "/"
		case f[1] == "":
			unified = f[2]
		}
	}
	_, err := os.Stat(filepath.Join(root, "sys/fs/cgroup", unified, "cpu.weight")) // the root group has none
	return err != nil
}

// governor is the frequency governor of processor 0; "" where there is none.
func governor(root string) string {
	return readLine(filepath.Join(root, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"))
}

func firstLine(path string) string {
	line, _, _ := strings.Cut(readLine(path), "\n")
	return line
}

func mean(values []float64) float64 {
	var sum float64
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
