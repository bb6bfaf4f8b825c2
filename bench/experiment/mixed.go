package experiment

import (
	"context"
	"slices"

	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/workloads"
	"github.com/lambdabench/lambdabench/workloads/traffic"
)

// mixed is a Population whose functions do different kinds of work.
type mixed []member

// member is one function of a population of one kind of work.
type member struct {
	of     *workloads.Population
	number int
}

func (m mixed) Name(i int) string               { return m[i].of.Name(m[i].number) }
func (m mixed) Package(i int) string            { return m[i].of.Package(m[i].number) }
func (m mixed) Zip(i int) ([]byte, error)       { return m[i].of.Zip(m[i].number) }
func (m mixed) Check(i int, reply []byte) error { return m[i].of.Check(m[i].number, reply) }

// newMixed has the functions of a file, numbered as traffic.Trial.Functions numbers them.
// population returns the population of a kind with its first n functions, as
// bench.Env.Population does.
func newMixed(calls traffic.Trial,
	population func(kind workloads.Kind, n int) (*workloads.Population, error)) (mixed, error) {
	names, pick := calls.Functions()
	all := make(mixed, len(names))
	of := map[workloads.Kind]int{} // functions of each kind so far
	call := 0
	for _, line := range calls.Lines {
		function := pick(call)
		call += line.Count
		if all[function].of != nil {
			continue
		}
		kind := line.Work.Kind
		pop, err := population(kind, of[kind]+1)
		if err != nil {
			return nil, err
		}
		all[function] = member{pop, of[kind]}
		of[kind]++
	}
	return all, nil
}

// waits reports whether a function of a file waits for the harness's server.
func waits(calls traffic.Trial) bool {
	return slices.ContainsFunc(calls.Lines, func(l traffic.TrialLine) bool { return l.Work.Kind == workloads.Wait })
}

// eventsOf is the event of each work of a file.
func eventsOf(ctx context.Context, env *bench.Env, calls traffic.Trial) (map[traffic.Work][]byte, error) {
	events := map[traffic.Work][]byte{}
	for _, line := range calls.Lines {
		if _, ok := events[line.Work]; ok {
			continue
		}
		event := workloads.Event{Turns: line.Work.Turns}
		if line.Work.Kind == workloads.Wait {
			url, err := env.WaitURL(ctx, line.Work.Delay)
			if err != nil {
				return nil, err
			}
			event.URL = url
		}
		events[line.Work] = event.JSON()
	}
	return events, nil
}
