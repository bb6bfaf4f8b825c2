package unikernel

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	contract "github.com/lambdabench/lambdabench/runtime"
)

func TestParkedChannelsComeBack(t *testing.T) {
	b := newBackend(t, Config{})
	b.maxOpen = 16
	snap := functionSnapshot(t, b, baseSnapshot(t, b, contract.NodeJS, steps), function(t, contract.NodeJS, "let n = 0; exports.handler = async (e) => [e, ++n];\n"))
	const count = 60
	var all []contract.Sandbox
	for i := range count {
		sb := deployed(t, b, snap)
		defer sb.Close()
		all = append(all, sb)
		if got := string(invoke(t, sb, fmt.Sprint(i)).Payload); got != fmt.Sprintf("[%d,1]", i) {
			t.Fatalf("UC %d answers %s", i, got)
		}
	}
	eventually(t, "channels are parked", func() bool { return b.open.Load() <= 16 })
	for round := 2; round < 4; round++ {
		for i, sb := range all {
			if got := string(invoke(t, sb, fmt.Sprint(i)).Payload); got != fmt.Sprintf("[%d,%d]", i, round) {
				t.Fatalf("UC %d answers %s in round %d", i, got, round)
			}
		}
	}
	if b.lockers == nil {
		t.Error("nothing was parked")
	}
}

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
	languages(b, func(b *testing.B, lang contract.Language) {
		dir := memoryGroup(b)
		be := newBackend(b, Config{TrimAfter: -1})
		snap := functionSnapshot(b, be, baseSnapshot(b, be, lang, steps), function(b, lang, nopSource[lang]))
		for _, pid := range descendants(os.Getpid()) {
			os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o644)
		}
		var all []contract.Sandbox
		for range promoteAt { // until the function has its node; the stock is from before the group
			sb := deployed(b, be, snap)
			invoke(b, sb, "{}")
			all = append(all, sb)
		}
		eventually(b, "the function has a node", func() bool { return snap.(*snap_).node.Load() != nil })
		for range 8 {
			all = append(all, deployed(b, be, snap))
		}
		runtime.GC()
		before, kernel := groupBytes(b, dir, "memory.usage_in_bytes"), groupBytes(b, dir, "memory.kmem.usage_in_bytes")
		b.ResetTimer()
		for range b.N {
			sb := deployed(b, be, snap)
			invoke(b, sb, "{}")
			all = append(all, sb)
		}
		b.StopTimer()
		n := float64(b.N)
		b.ReportMetric(float64(groupBytes(b, dir, "memory.usage_in_bytes")-before)/n, "bytes/UC")
		b.ReportMetric(float64(groupBytes(b, dir, "memory.kmem.usage_in_bytes")-kernel)/n, "kernel-bytes/UC")
		begin := time.Now()
		for _, sb := range all {
			invoke(b, sb, "{}")
		}
		b.ReportMetric(float64(time.Since(begin).Microseconds())/float64(len(all)), "µs/call")
		begin = time.Now()
		for _, sb := range all {
			sb.(*sandbox).trim(time.Nanosecond)
		}
		b.ReportMetric(float64(time.Since(begin).Microseconds())/float64(len(all)), "µs/trim")
		time.Sleep(100 * time.Millisecond) // the last ones read their message
		b.ReportMetric(float64(groupBytes(b, dir, "memory.usage_in_bytes")-before)/n, "trimmed-bytes/UC")
		b.StartTimer()
		begin = time.Now()
		for _, sb := range all {
			if res := invoke(b, sb, "{}"); res.Outcome != contract.OK {
				b.Errorf("a UC does not answer: %+v", res)
			}
		}
		b.ReportMetric(float64(time.Since(begin).Microseconds())/float64(len(all)), "µs/call-after-trim")
		for _, sb := range all {
			sb.Close()
		}
	})
}
