package experiment

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/platform/mpsc"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/workloads"
)

// mpscExperiment measures MPSC's claim (Aske and Zhao 2018): with an edge that is fast but
// volatile and two clouds that are slow but steady, a schedule that follows measurements
// beats every fixed choice. Three platforms of this process are the providers; handlers in
// front of them add delay and errors. The edge's timetable depends on the seed and the
// repeat alone, so that all schedules of a repeat meet the same one.
type mpscExperiment struct {
	Rate    int            `yaml:"rate"`    // calls a second, an open loop
	Clients int            `yaml:"clients"` // calls under way at a time, at most
	CloudA  bench.Duration `yaml:"cloud_a"` // delay of the nearer cloud
	CloudB  bench.Duration `yaml:"cloud_b"` // and of the farther
	Edge    bench.Duration `yaml:"edge"`    // of the edge while it is well
	Slow    bench.Duration `yaml:"slow"`    // and while it is not
	Errors  float64        `yaml:"errors"`  // share of calls that fail at the edge while it is not
	Bad     float64        `yaml:"bad"`     // share of time that it is not
	Period  bench.Duration `yaml:"period"`  // of the edge's ups and downs, on average
	Monitor bench.Duration `yaml:"monitor"` // between two tests of a provider
	Hedge   bool           `yaml:"hedge"`   // ask a second provider when the first is slow
	Memory  bench.Size     `yaml:"memory"`  // limit of a function

	// The providers' backend and language matter little to the claim: one target is enough.
	Backend  string `yaml:"backend"`  // "" for each of the suite's
	Language string `yaml:"language"` // "" for each of the suite's
}

func newMPSC() *mpscExperiment {
	return &mpscExperiment{
		Rate: 50, Clients: 128, CloudA: ms(40), CloudB: ms(80), Edge: ms(2), Slow: ms(400), Errors: 0.2, Bad: 0.35,
		Period: ms(2000), Monitor: ms(100), Hedge: true, Memory: 128 << 20,
		Backend: "process", Language: "nodejs",
	}
}

func ms(n int) bench.Duration { return bench.Duration(time.Duration(n) * time.Millisecond) }

func (x *mpscExperiment) Name() string { return record.ExperimentMPSC }

func (x *mpscExperiment) Doc() string {
	return "round trips by MPSC's adaptive schedule against each fixed choice among a volatile edge and two clouds"
}

func (x *mpscExperiment) Check() error {
	share := func(key string, v float64) error {
		if !(v >= 0 && v <= 1) {
			return bench.Bad(key, "is %v, want a share from 0 to 1", v)
		}
		return nil
	}
	above := func(key string, d bench.Duration) error {
		if d <= 0 {
			return bench.Bad(key, "want a time above 0")
		}
		return nil
	}
	return errors.Join(bench.AtLeast("rate", x.Rate, 1), bench.AtLeast("clients", x.Clients, 1),
		share("errors", x.Errors), share("bad", x.Bad),
		above("period", x.Period), above("monitor", x.Monitor))
}

func (x *mpscExperiment) Trials(t bench.Target) ([]bench.Trial, string) {
	if x.Backend != "" && x.Backend != t.Backend || x.Language != "" && x.Language != string(t.Interpreter.Language) {
		return nil, ""
	}
	var all []bench.Trial
	for _, s := range []string{record.ScheduleAdaptive, cloudA, cloudB, edge} {
		all = append(all, bench.Trial{Via: record.ViaGateway, Labels: map[string]string{record.LabelSchedule: s},
			Least: 2 * time.Second})
	}
	return all, ""
}

// mpscReply is the outcome of a call, with the provider that answered.
type mpscReply struct {
	Reply
	provider string
}

func (x *mpscExperiment) RunTrial(ctx context.Context, env *bench.Env, t bench.Trial, sink *bench.Sink) (err error) {
	pop, err := env.Population(workloads.NOP, 1)
	if err != nil {
		return err
	}
	function := pop.Name(0)
	w := &weather{
		delays: map[string]time.Duration{cloudA: time.Duration(x.CloudA), cloudB: time.Duration(x.CloudB),
			edge: time.Duration(x.Edge)},
		slow: time.Duration(x.Slow), errors: x.Errors,
		timetable: newTimetable(env.Seed+uint64(t.Repeat), time.Duration(x.Period), x.Bad, t.Limit),
	}
	schedule := t.Labels[record.LabelSchedule]
	cfg := mpsc.Config{Interval: -1, Functions: []string{function}, Schedule: mpsc.ScheduleAdaptive,
		Timeout: 10 * time.Second,
		Hedge:   x.Hedge, Window: time.Minute, Samples: 1000, Limit: time.Second, Latency: time.Second}
	if schedule == record.ScheduleAdaptive {
		cfg.Interval = time.Duration(x.Monitor)
	}
	var opened []*provider
	defer func() {
		for _, p := range opened {
			err = errors.Join(err, p.close())
		}
	}()
	for _, name := range []string{cloudA, cloudB, edge} {
		if schedule != record.ScheduleAdaptive && schedule != name {
			continue
		}
		p, err := w.open(ctx, env, name, Functions{pop, 1, 10 * time.Second, x.Memory})
		if err != nil {
			return fmt.Errorf("provider %s: %w", name, err)
		}
		opened = append(opened, p)
		cfg.Providers = append(cfg.Providers, mpsc.Provider{Name: name, Type: mpsc.TypeAWS, APIHost: p.url})
	}
	db, err := mpsc.OpenDatabase(filepath.Join(env.Dir, "mpsc.db"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	c, err := mpsc.NewController(cfg, db, mpsc.Options{Getenv: func(string) string { return "any" }, Log: env.Log})
	if err != nil {
		return err
	}
	defer c.Close()
	return x.measure(ctx, c, cfg, w, pop, t, sink)
}

// measure tests every provider and then runs the stream of calls.
func (x *mpscExperiment) measure(ctx context.Context, c *mpsc.Controller, cfg mpsc.Config, w *weather, pop Population,
	t bench.Trial, sink *bench.Sink) error {
	function := pop.Name(0)
	for range 2 { // the first call boots a sandbox
		for _, p := range cfg.Providers {
			test, err := c.Test(ctx, function, p.Name)
			if err != nil {
				return fmt.Errorf("provider %s: %w", p.Name, err)
			}
			if test.Class != mpsc.OK {
				return fmt.Errorf("provider %s does not work: %w", p.Name,
					&mpsc.CallError{Class: test.Class, Message: test.Error})
			}
		}
	}
	w.begin()
	monitoring, stop := context.WithCancel(ctx)
	monitored := make(chan error, 1)
	go func() { monitored <- c.Run(monitoring) }()
	target := workloads.TargetFunc[mpscReply](func(ctx context.Context, _ workloads.Arrival) mpscReply {
		reply, err := c.Invoke(ctx, function, []byte("{}"))
		var r mpscReply
		if n := len(reply.Tried); n > 0 {
			r.provider = reply.Tried[n-1].Provider
		}
		r.Outcome = string(isolation.OK)
		if err != nil {
			r.Outcome, r.Error = string(mpsc.Classify(err)), err.Error()
		} else if err := pop.Check(0, reply.Payload); err != nil {
			r.Outcome, r.Error = OutcomeWrong, err.Error()
		}
		return r
	})
	out := func(s workloads.Sample[mpscReply]) {
		plain := workloads.Sample[Reply]{Arrival: s.Arrival, Started: s.Started, Ended: s.Ended, Reply: s.Reply.Reply}
		sink.Invocation(row(plain, function, map[string]string{record.LabelProvider: s.Reply.provider}))
	}
	err := workloads.Run(ctx, target, out, workloads.Load{
		Pacer: workloads.Constant{Rate: float64(x.Rate), For: t.Limit}, Clients: x.Clients})
	stop()
	if e := <-monitored; !errors.Is(e, context.Canceled) {
		err = errors.Join(err, e)
	}
	return err
}
