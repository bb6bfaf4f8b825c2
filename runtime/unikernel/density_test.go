package unikernel

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// memoryGroup makes a memory cgroup (v1) for the tender, if this host lets us.
func memoryGroup(b *testing.B) string {
	dir := filepath.Join("/sys/fs/cgroup/memory", "lambdabench-density-"+strconv.Itoa(os.Getpid()))
	if err := os.Mkdir(dir, 0o755); err != nil {
		b.Skip("no memory cgroup can be made: ", err)
	}
	b.Cleanup(func() { os.Remove(dir) })
	return dir
}

func groupBytes(b *testing.B, dir, file string) int64 {
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		b.Fatal(err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// BenchmarkDensity deploys b.N UCs of one function snapshot, has each answer
// once, and reports what one more of them costs: all that the kernel charges.
func BenchmarkDensity(b *testing.B) {
	languages(b, func(b *testing.B, lang isolation.Language) {
		dir := memoryGroup(b)
		be := newBackend(b, Config{HibernateAfter: -1, Awake: 1 << 20})
		snap := functionSnapshot(b, be, baseSnapshot(b, be, lang, steps), function(b, lang, nopSource[lang]))
		for _, pid := range descendants(os.Getpid()) {
			os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o644)
		}
		var all []isolation.Sandbox
		for range promoteAt { // until the function has its zygote; the pool is from before the group
			sb := deployed(b, be, snap)
			runtimetest.Invoke(b, sb, "{}")
			all = append(all, sb)
		}
		runtimetest.Eventually(b, "the function has a zygote", func() bool { return snap.(*snap_).holders() != nil })
		for range 8 {
			all = append(all, deployed(b, be, snap))
		}
		runtime.GC()
		before, kernel := groupBytes(b, dir, "memory.usage_in_bytes"), groupBytes(b, dir, "memory.kmem.usage_in_bytes")
		kept := be.arena.Bytes() // what the platform holds is charged to its own group
		b.ResetTimer()
		for range b.N {
			sb := deployed(b, be, snap)
			runtimetest.Invoke(b, sb, "{}")
			all = append(all, sb)
		}
		b.StopTimer()
		n := float64(b.N)
		b.ReportMetric(float64(groupBytes(b, dir, "memory.usage_in_bytes")-before)/n, "bytes/UC")
		b.ReportMetric(float64(groupBytes(b, dir, "memory.kmem.usage_in_bytes")-kernel)/n, "kernel-bytes/UC")
		begin := time.Now()
		for _, sb := range all {
			runtimetest.Invoke(b, sb, "{}")
		}
		b.ReportMetric(float64(time.Since(begin).Microseconds())/float64(len(all)), "µs/call")
		begin = time.Now()
		for _, sb := range all {
			if !sb.(*sandbox).hibernate(time.Nanosecond) {
				b.Error("a UC does not hibernate")
			}
		}
		b.ReportMetric(float64(time.Since(begin).Microseconds())/float64(len(all)), "µs/hibernate")
		runtime.GC()
		time.Sleep(100 * time.Millisecond) // the last processes end
		b.ReportMetric(float64(groupBytes(b, dir, "memory.usage_in_bytes")-before+be.arena.Bytes()-kept)/n,
			"hibernated-bytes/UC")
		b.StartTimer()
		begin = time.Now()
		for _, sb := range all {
			if res := runtimetest.Invoke(b, sb, "{}"); res.Outcome != isolation.OK {
				b.Errorf("a UC does not answer: %+v", res)
			}
		}
		b.ReportMetric(float64(time.Since(begin).Microseconds())/float64(len(all)), "µs/wake-and-call")
		for _, sb := range all {
			sb.Close()
		}
	})
}

// BenchmarkAwake deploys b.N UCs where only some may have a process, and calls
// each again: ns/op is of both together.
func BenchmarkAwake(b *testing.B) {
	for _, awake := range []int{64, 256, 1024} {
		b.Run(strconv.Itoa(awake), func(b *testing.B) {
			be := newBackend(b, Config{HibernateAfter: -1, Awake: awake})
			snap := functionSnapshot(b, be, baseSnapshot(b, be, isolation.NodeJS, steps),
				function(b, isolation.NodeJS, nopSource[isolation.NodeJS]))
			var all []isolation.Sandbox
			b.ResetTimer()
			begin := time.Now()
			for range b.N {
				sb := deployed(b, be, snap)
				runtimetest.Invoke(b, sb, "{}")
				all = append(all, sb)
			}
			b.ReportMetric(float64(time.Since(begin).Microseconds())/float64(b.N), "µs/first-call")
			begin = time.Now()
			for _, sb := range all {
				runtimetest.Invoke(b, sb, "{}")
			}
			b.ReportMetric(float64(time.Since(begin).Microseconds())/float64(b.N), "µs/second-call")
			b.StopTimer()
			for _, sb := range all {
				sb.Close()
			}
		})
	}
}
