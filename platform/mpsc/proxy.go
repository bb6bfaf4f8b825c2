package mpsc

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Reply is what a proxied call came to.
type Reply struct {
	Payload []byte
	Tried   []Test // in the order in which they ended; the last one answered
}

// attempt is one provider's part in a proxied call.
type attempt struct {
	test Test
	out  []byte
	err  error
}

// Invoke runs a function at the recommended provider and, when that one cannot
// be reached or fails, at the next best by expected time. Each try that ended is
// recorded as a test.
//
// With Config.Hedge the next best is also asked, once, when the first takes
// longer than the next is expected to (Dean and Barroso, 'The Tail at Scale',
// 2013); the first answer counts. The other call goes on to its end and is recorded:
// to cancel it would have most platforms end its sandbox. Close waits for it.
func (c *Controller) Invoke(ctx context.Context, function string, payload []byte) (Reply, error) {
	if len(payload) == 0 {
		payload = []byte("{}")
	}
	if !json.Valid(payload) { // else every provider would be blamed
		return Reply{}, fmt.Errorf("run %s: %w", function, ErrBadPayload)
	}
	order, err := c.order(ctx, function)
	if err != nil {
		return Reply{}, err
	}
	own := ctx
	if c.cfg.Hedge {
		own = context.WithoutCancel(ctx)
	}
	p := proxied{c: c, function: function, payload: payload, order: order, ended: make(chan attempt, len(order))}
	return p.run(ctx, own)
}

// Close waits for the calls that were overtaken by another provider's answer;
// Config.Timeout bounds them. The database can be closed then. Connections to
// providers are closed.
func (c *Controller) Close() {
	c.calls.Wait()
	for _, e := range c.executors {
		if e, ok := e.(interface{ CloseIdleConnections() }); ok {
			e.CloseIdleConnections()
		}
	}
}

// proxied is one call of Invoke.
type proxied struct {
	c        *Controller
	function string
	payload  []byte
	order    []string // the providers that are still to be asked
	running  int
	ended    chan attempt
}

func (p *proxied) start(ctx context.Context) {
	provider := p.order[0]
	p.order = p.order[1:]
	p.running++
	p.c.calls.Go(func() {
		t, out, err := p.c.call(ctx, p.function, provider, p.payload, func(_ context.Context, t Test) (Test, error) {
			return p.c.db.Append(t)
		})
		p.ended <- attempt{t, out, err}
	})
}

func (p *proxied) run(ctx, own context.Context) (reply Reply, err error) {
	hedge := p.hedge()
	p.start(own)
	for {
		select {
		case <-ctx.Done():
			return reply, ctx.Err()
		case <-hedge:
			hedge = nil
			if len(p.order) > 0 {
				p.start(own)
			}
			continue
		case a := <-p.ended:
			p.running--
			if err := ctx.Err(); err != nil { // the answer came as its client left
				return reply, err
			}
			if a.err != nil && a.test.Provider == "" {
				return reply, a.err
			}
			if a.err != nil { // the call was made: losing its record must not lose its result
				p.c.log.Error("a call is not recorded", "provider", a.test.Provider, "error", a.err)
			}
			reply.Tried = append(reply.Tried, a.test)
			switch {
			case a.test.Class == OK:
				reply.Payload = a.out
				return reply, nil
			case !a.test.Class.FallsOver():
				return reply, &CallError{a.test.Class, a.test.Error}
			case len(p.order) > 0 && p.running == 0:
				p.start(own)
			case p.running == 0:
				return reply, fmt.Errorf("run %s: every provider failed, the last one with: %w", p.function,
					&CallError{a.test.Class, a.test.Error})
			}
		}
	}
}

// hedge fires when the next provider is to be asked as well. It never fires without
// Config.Hedge, or where no time of one of the two providers is known.
func (p *proxied) hedge() <-chan time.Time {
	if !p.c.cfg.Hedge || len(p.order) < 2 {
		return nil
	}
	first, next := p.c.live.recent(p.function, p.order[0]), p.c.live.recent(p.function, p.order[1])
	if first == 0 || next == 0 {
		return nil
	}
	return time.After(time.Duration(max(next, 2*first) * float64(time.Millisecond)))
}
