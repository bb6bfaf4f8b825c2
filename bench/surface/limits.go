package surface

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// memory has a function take twice its limit.
func (p *probe) memory(limit int64) error {
	return p.limit("memory limit", isolation.Limits{MemoryBytes: limit},
		func(sb isolation.Sandbox) (isolation.Result, verdict, error) {
			res, err := p.invoke(sb, fmt.Sprintf(`{"probe":"memory","bytes":%d}`, 2*limit))
			return res, verdict{res.Outcome != isolation.OK, string(res.Outcome)}, err
		})
}

// processes has a function start twice as many processes as it may.
func (p *probe) processes(limit int) error {
	return p.limit("processes limit", isolation.Limits{MemoryBytes: 2 << 30, Processes: limit},
		func(sb isolation.Sandbox) (isolation.Result, verdict, error) {
			res, err := p.invoke(sb, fmt.Sprintf(`{"probe":"processes","count":%d}`, 2*limit))
			var started int
			if json.Unmarshal(res.Payload, &started) != nil {
				return res, verdict{true, string(res.Outcome)}, err
			}
			return res, verdict{started < limit, fmt.Sprintf("%d of %d started", started, 2*limit)}, err
		})
}

// cpu has a function spin that may have a tenth of a processor. free is the share that the
// function got without a limit; where that is small, the machine is too busy to tell.
func (p *probe) cpu(free float64) error {
	const share = 0.1
	if free < 3*share {
		return nil
	}
	return p.limit("CPU limit", isolation.Limits{MemoryBytes: p.fn.Limits.MemoryBytes, CPUs: share},
		func(sb isolation.Sandbox) (isolation.Result, verdict, error) {
			res, got, err := p.spin(sb, 2*time.Second)
			if res.Outcome != isolation.OK {
				return res, verdict{false, string(res.Outcome)}, err
			}
			return res, verdict{got < 2*share,
					fmt.Sprintf("%.0f %% of a processor, %.0f %% without", 100*got, 100*free)},
				err
		})
}

// verdict tells whether a limit held, with the evidence.
type verdict struct {
	held   bool
	detail string
}

// limit puts one limit to the test in a sandbox of its own.
func (p *probe) limit(feature string, l isolation.Limits,
	try func(isolation.Sandbox) (isolation.Result, verdict, error)) (err error) {
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
	res, v, err := try(sb)
	if err != nil || res.Outcome == isolation.TimedOut { // which shows nothing
		return err
	}
	p.isolated(feature, v.held, v.detail)
	return nil
}
