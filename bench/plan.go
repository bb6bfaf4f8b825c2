package bench

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
)

// NewPlan spreads a suite over targets, in the order in which the trials are
// to be run. Every repeat of an experiment is a block that holds each of its
// trials once, shuffled by the suite's seed: backends alternate, and drift of
// the machine meets them all.
func NewPlan(su *Suite, targets []Target) []Trial {
	var plan []Trial
	limits := newBudget(su, targets)
	number := 0
	for _, sec := range su.Experiments {
		for repeat := 1; repeat <= sec.Repeats; repeat++ {
			var block []Trial
			for _, target := range targets {
				for _, t := range sec.Trials(target) {
					number++
					t.Number, t.Experiment, t.Target, t.Repeat = number, sec.Name(), target, repeat
					t.Limit = limits.of(sec, t)
					block = append(block, t)
				}
			}
			shuffle(block, su.Seed, sec.Name(), repeat)
			plan = append(plan, block...)
		}
	}
	return plan
}

// File is the name of the trial's record file.
func (t Trial) File() string {
	name := fmt.Sprintf("%04d-%s-%s-%s", t.Number, t.Experiment, t.Target.Backend, t.Target.Interpreter.Runtime)
	if t.Path != "" {
		name += "-" + t.Path
	}
	for _, k := range sortedKeys(t.Labels) {
		name += "-" + k + t.Labels[k]
	}
	return strings.NewReplacer("/", "_", " ", "_").Replace(name) + fmt.Sprintf("-r%d", t.Repeat) + record.Suffix
}

func (t Trial) String() string {
	s := fmt.Sprintf("%s %s %s", t.Experiment, t.Target.Backend, t.Target.Interpreter.Runtime)
	if t.Path != "" {
		s += " " + t.Path
	}
	for _, k := range sortedKeys(t.Labels) {
		s += " " + k + "=" + t.Labels[k]
	}
	return s + fmt.Sprintf(" #%d", t.Repeat)
}

func shuffle(block []Trial, seed uint64, experiment string, repeat int) {
	h := fnv.New64a()
	fmt.Fprint(h, experiment, repeat)
	rng := rand.New(rand.NewPCG(seed, h.Sum64()))
	rng.Shuffle(len(block), func(i, j int) { block[i], block[j] = block[j], block[i] })
}

// budget shares the experiments' time among their trials.
type budget struct {
	trials map[string]int
	scale  float64
}

func newBudget(su *Suite, targets []Target) budget {
	b := budget{trials: map[string]int{}, scale: 1}
	var fixed, flexible time.Duration // at scale 1
	for _, sec := range su.Experiments {
		var all []Trial
		for _, target := range targets {
			all = append(all, sec.Trials(target)...)
		}
		b.trials[sec.Name()] = len(all) * sec.Repeats
		for _, t := range all {
			limit := time.Duration(sec.Repeats) * b.of(sec, t)
			least := time.Duration(sec.Repeats) * t.Least
			fixed, flexible = fixed+least, flexible+limit-least
		}
	}
	if room := time.Duration(su.Budget) - fixed; su.Budget > 0 && flexible > room {
		b.scale = max(0, float64(room)/float64(flexible))
	}
	return b
}

// of is a trial's limit: its share of the experiment's budget, but never less
// than the least time in which it makes sense.
func (b budget) of(sec Section, t Trial) time.Duration {
	n := b.trials[sec.Name()]
	if sec.Budget == 0 || n == 0 {
		return t.Least
	}
	share := max(0, sec.Budget/time.Duration(n)-t.Least)
	return t.Least + time.Duration(b.scale*float64(share))
}
