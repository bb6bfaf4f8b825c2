package process

import (
	"errors"
	"fmt"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// tasksEach is how many tasks a sandbox takes: a Node.js with the four threads of
// its pool has 15.
const tasksEach = 16

// bounds are the limits of processes above this one, in sandboxes.
func bounds() (all []isolation.Bound) {
	for _, l := range cgroup.TaskLimits() {
		room := l.Max - max(0, l.Used)
		all = append(all, isolation.Bound{
			Sandboxes: int(max(1, room/tasksEach)), By: fmt.Sprintf("%s is %d", l.File, l.Max),
			Remedy: "echo max > " + l.File + " (systemd: TasksMax=infinity)",
		})
	}
	return all
}

// scarce marks the error of a boot for which the host had no process: a fork that
// was refused, or an interpreter that ended for want of its threads.
func scarce(err error) error {
	if left, limited := cgroup.TasksLeft(); limited && left < 2*tasksEach && errors.Is(err, driver.ErrEnded) {
		return fmt.Errorf("%w: %w", isolation.ErrNoProcess, err)
	}
	return isolation.Scarce(err)
}
