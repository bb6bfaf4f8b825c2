package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	isolation "github.com/lambdabench/lambdabench/runtime"
)

// memory has a function take twice its limit.
func (p *probe) memory(limit int64) error {
	return p.limit("memory limit", isolation.Limits{MemoryBytes: limit}, fmt.Sprintf(`{"probe":"memory","bytes":%d}`, 2*limit),
		func(res isolation.Result) (bool, string) { return res.Outcome != isolation.OK, string(res.Outcome) })
}

// processes has a function start twice as many processes as it may.
func (p *probe) processes(limit int) error {
	return p.limit("processes limit", isolation.Limits{MemoryBytes: 2 << 30, Processes: limit}, fmt.Sprintf(`{"probe":"processes","count":%d}`, 2*limit),
		func(res isolation.Result) (bool, string) {
			var started int
			if json.Unmarshal(res.Payload, &started) != nil {
				return true, string(res.Outcome)
			}
			return started < limit, fmt.Sprintf("%d of %d started", started, 2*limit)
		})
}

// cpu has a function spin that may have a tenth of a processor, and says
// nothing where the machine is too busy to tell: free is what it got without
// a limit.
func (p *probe) cpu(free float64) error {
	const share = 0.1
	if free < 3*share {
		return nil
	}
	return p.limit("CPU limit", isolation.Limits{MemoryBytes: p.fn.Limits.MemoryBytes, CPUs: share}, `{"probe":"spin","ms":2000}`,
		func(res isolation.Result) (bool, string) {
			var got float64
			if json.Unmarshal(res.Payload, &got) != nil {
				return false, string(res.Outcome)
			}
			return got < 2*share, fmt.Sprintf("%.0f %% of a processor, %.0f %% without", 100*got, 100*free)
		})
}

// limit puts one limit to the test in a sandbox of its own.
func (p *probe) limit(feature string, l isolation.Limits, event string, judge func(isolation.Result) (bool, string)) (err error) {
	if limiter, ok := p.env.Backend.(isolation.Limiter); ok {
		if err := limiter.CanLimit(l); err != nil {
			var u *isolation.Unavailable
			if !errors.As(err, &u) {
				return err
			}
			p.isolated(feature, false, u.Lacks)
			return nil
		}
	}
	sb, err := p.open(l)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sb.Close()) }()
	res, err := p.invoke(sb, event)
	if err != nil || res.Outcome == isolation.TimedOut { // which shows nothing
		return err
	}
	yes, detail := judge(res)
	p.isolated(feature, yes, detail)
	return nil
}

// privileged tells whether the seccomp filters of others can be read.
func privileged() bool { return os.Geteuid() == 0 }
