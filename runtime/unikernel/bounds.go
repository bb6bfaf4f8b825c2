package unikernel

import (
	"fmt"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/unikernel/zygote"
)

// Bounds implements isolation.Bounded. A UC that is awake is one process of one
// thread, so whatever bounds processes bounds UCs, if none of them can hibernate:
// all may wait for timers. vm.max_map_count does not: it is for each process,
// and neither a UC nor what the platform keeps of a UC has more than some hundreds
// of mappings.
func (b *Backend) Bounds() []isolation.Bound {
	most := zygote.RoomFor(b.cfg.spares())
	all := []isolation.Bound{{Sandboxes: zygote.MaxChildren - most, By: "the most children that a zygote has"}}
	used := zygote.Tasks("/proc")
	for _, l := range zygote.ProcessLimits("/proc") {
		all = append(all, bound(l, used, (maxPromoted+4)*(1+most)))
	}
	return all
}

// bound is how many UCs a limit leaves room for on a host with so many tasks. The
// tender's zygotes and the spares in their pools are processes as well: at most
// helpers, and few where there is little room.
func bound(l zygote.ProcessLimit, tasks int64, helpers int) isolation.Bound {
	room := l.Room(tasks)
	room -= min(room/8, int64(helpers))
	return isolation.Bound{Sandboxes: int(room), By: fmt.Sprintf("%s is %d", l.Name, l.Max), Remedy: l.Remedy}
}
