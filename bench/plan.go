package bench

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"time"
)

// Plan is the work of a run.
type Plan struct {
	Trials  []Trial   // in the order in which they are run
	LeftOut []LeftOut // experiments that have no trial on a backend, for a reason
	Short   []Short   // budgets that are smaller than the least time of their trials
}

// Short is a budget that does not hold its trials. They run for their least time all the
// same, and so for longer than the budget says.
type Short struct {
	Experiment   string // "" is the whole suite
	Trials       int
	Budget, Need time.Duration
}

// LeftOut is an experiment that has no trial on a backend, or on any if Backend is "".
type LeftOut struct{ Experiment, Backend, Reason string }

// NewPlan spreads a suite over targets. Every repeat of an experiment is a block that
// holds each of its trials once, shuffled by the suite's seed: backends alternate, and
// drift of the machine meets them all. A trial that is repeated less than the others
// ([Trial].Most) is in the first blocks.
func NewPlan(su *Suite, targets []Target) Plan {
	var plan Plan
	sections := make([][]Trial, len(su.Experiments)) // of one repeat
	for i, sec := range su.Experiments {
		sections[i] = plan.spread(sec, targets)
	}
	limits := newBudget(su, sections)
	plan.findShort(su, sections)
	number := 0
	for i, sec := range su.Experiments {
		for repeat := 1; repeat <= sec.Repeats; repeat++ {
			block := slices.DeleteFunc(slices.Clone(sections[i]), func(t Trial) bool {
				return t.repeats(sec.Repeats) < repeat
			})
			for k := range block {
				number++
				t := &block[k]
				t.Number, t.Repeat, t.Limit = number, repeat, limits.of(sec, allRepeats(sec, sections[i]), *t)
			}
			shuffle(block, su.Seed, sec.Name(), repeat)
			plan.Trials = append(plan.Trials, block...)
		}
	}
	return plan
}

// allRepeats is the number of trials of a section, of which trials has each once.
func allRepeats(sec Section, trials []Trial) int {
	n := 0
	for _, t := range trials {
		n += t.repeats(sec.Repeats)
	}
	return n
}

// spread lists the trials of one repeat of an experiment, and notes where there is none.
func (p *Plan) spread(sec Section, targets []Target) []Trial {
	var all []Trial
	told := len(p.LeftOut)
	for _, target := range targets {
		trials, reason := sec.Trials(target)
		for _, t := range trials {
			t.Experiment, t.Target = sec.Name(), target
			all = append(all, t)
		}
		out := LeftOut{sec.Name(), target.Backend, reason}
		if reason != "" && !slices.Contains(p.LeftOut, out) { // a backend has a target for each runtime
			p.LeftOut = append(p.LeftOut, out)
		}
	}
	if len(all) == 0 && len(p.LeftOut) == told {
		p.LeftOut = append(p.LeftOut, LeftOut{sec.Name(), "", "it has no trial for these backends and runtimes"})
	}
	return all
}

// findShort compares each budget with the least times of its trials, of which sections has
// those of one repeat.
func (p *Plan) findShort(su *Suite, sections [][]Trial) {
	whole := Short{Budget: time.Duration(su.Budget)}
	note := func(s Short) {
		if s.Budget > 0 && s.Need > s.Budget {
			p.Short = append(p.Short, s)
		}
	}
	for i, sec := range su.Experiments {
		one := Short{Experiment: sec.Name(), Trials: allRepeats(sec, sections[i]), Budget: sec.Budget}
		for _, t := range sections[i] {
			one.Need += time.Duration(t.repeats(sec.Repeats)) * t.Least
		}
		note(one)
		whole.Trials, whole.Need = whole.Trials+one.Trials, whole.Need+one.Need
	}
	note(whole)
}

func shuffle(block []Trial, seed uint64, experiment string, repeat int) {
	h := fnv.New64a()
	fmt.Fprint(h, experiment, repeat)
	rng := rand.New(rand.NewPCG(seed, h.Sum64()))
	rng.Shuffle(len(block), func(i, j int) { block[i], block[j] = block[j], block[i] })
}

// budget scales the experiments' own budgets where the suite's is smaller.
type budget struct{ scale float64 }

// newBudget takes the trials of one repeat of each section.
func newBudget(su *Suite, sections [][]Trial) budget {
	b := budget{scale: 1}
	var fixed, flexible time.Duration // at scale 1
	for i, sec := range su.Experiments {
		n := allRepeats(sec, sections[i])
		for _, t := range sections[i] {
			repeats := time.Duration(t.repeats(sec.Repeats))
			limit, least := repeats*b.of(sec, n, t), repeats*t.Least
			fixed, flexible = fixed+least, flexible+limit-least
		}
	}
	if room := time.Duration(su.Budget) - fixed; su.Budget > 0 && flexible > room {
		b.scale = max(0, float64(room)/float64(flexible))
	}
	return b
}

// of is a trial's limit: its share of the budget of an experiment that has n trials in
// all, but never less than the trial's least.
func (b budget) of(sec Section, n int, t Trial) time.Duration {
	if sec.Budget == 0 {
		return t.Least
	}
	share := max(0, sec.Budget/time.Duration(n)-t.Least)
	return t.Least + time.Duration(b.scale*float64(share))
}
