package bench

import (
	"fmt"
	"os"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// Suite tells what is to be run, as a YAML file has it.
type Suite struct {
	Name     string   `yaml:"suite"`
	About    string   `yaml:"about"`    // one sentence, for the report and for list
	Seed     uint64   `yaml:"seed"`     // of every order, schedule and timetable that is drawn
	Repeats  int      `yaml:"repeats"`  // of every trial
	Budget   Duration `yaml:"budget"`   // for the whole run; scales the experiments' own where there are many targets
	Backends Names    `yaml:"backends"` // all means: all that this host can run
	Runtimes Names    `yaml:"runtimes"` // "nodejs20.x", or "nodejs" for the best of that language
	Quiet    Quiet    `yaml:"settle"`
	Network  Network  `yaml:"network"`

	// Experiments in the order in which they are run.
	Experiments []Section `yaml:"-"`

	source []byte
}

// Section is an experiment with the keys that every experiment of a suite has.
type Section struct {
	Experiment
	Budget  time.Duration // for all its trials together; 0 means no bound
	Repeats int
}

// Quiet is how long to wait for a quiet machine before each trial.
type Quiet struct {
	Busy float64  `yaml:"busy"` // share of the processors that others may use
	Wait Duration `yaml:"wait"` // at most; then the trial begins anyway
}

type sectionKeys struct {
	Budget  Duration `yaml:"budget"`
	Repeats int      `yaml:"repeats"`
}

// ReadSuite reads a suite's file; known are the experiments that a suite may name.
func ReadSuite(path string, known Table) (*Suite, error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read suite: %w", err)
	}
	return ParseSuite(path, source, known)
}

// ParseSuite reads a suite. Every mistake is a *SuiteError that names file,
// line and remedy.
func ParseSuite(file string, source []byte, known Table) (*Suite, error) {
	s := strict{file: file, kind: "a suite", example: "configs/quick.yaml"}
	root, err := s.document(source)
	if err != nil {
		return nil, err
	}
	su := &Suite{
		Seed: 1, Repeats: 1, Backends: Names{All: true}, Runtimes: Names{All: true},
		Quiet:   Quiet{Busy: 0.2, Wait: Duration(5 * time.Second)},
		Network: Network{Listen: "127.0.0.1:0"}, source: source,
	}
	top := suiteDocument{Suite: su}
	keys, err := s.decode(root, "the suite", &top)
	if err != nil {
		return nil, err
	}
	if err := s.check(su.check(), keys, root); err != nil {
		return nil, err
	}
	if top.Sections.Kind == 0 {
		return nil, s.fail(root, "experiments: missing; name at least one of %s", strings.Join(known.names(), ", "))
	}
	err = s.mapping(&top.Sections, "experiments", func(key, value *yaml.Node) error {
		sec, err := readSection(s, known, key, value, su.Repeats)
		su.Experiments = append(su.Experiments, sec)
		return err
	})
	if err == nil && len(su.Experiments) == 0 {
		err = s.fail(&top.Sections, "experiments: name at least one of %s", strings.Join(known.names(), ", "))
	}
	return su, err
}

// suiteDocument is the file's top level.
type suiteDocument struct {
	*Suite
	Sections yaml.Node `yaml:"experiments"`
}

// readSection reads one experiment: its own keys and those of every section.
func readSection(s strict, known Table, key, value *yaml.Node, repeats int) (Section, error) {
	e, ok := known.named(key.Value)
	if !ok {
		return Section{}, s.fail(key, "unknown experiment %q; known: %s", key.Value, strings.Join(known.names(), ", "))
	}
	common := sectionKeys{Repeats: repeats}
	keys, err := s.decode(value, key.Value, &common, e)
	if err == nil {
		err = s.check(checkRepeats(common.Repeats), keys, key)
	}
	if err == nil {
		err = s.check(e.Check(), keys, key)
	}
	if err == nil {
		err = s.check(checkTrials(e), keys, key)
	}
	return Section{Experiment: e, Budget: time.Duration(common.Budget), Repeats: common.Repeats}, err
}

func (su *Suite) check() error {
	switch {
	case su.Name == "":
		return &BadValue{"suite", "missing; give the suite a name"}
	case strings.ContainsAny(su.Name, "/\\ \x00"):
		return &BadValue{"suite", "a name without spaces and slashes, it becomes part of a folder's"}
	case !(su.Quiet.Busy > 0):
		return &BadValue{"settle", "busy must be above 0; it is a share of the processors, such as 0.2"}
	}
	return checkRepeats(su.Repeats)
}

// maxRepeats is far above what statistics needs. The trials of a plan are kept in memory.
const maxRepeats = 1000

func checkRepeats(n int) error { return Between("repeats", n, 1, maxRepeats) }

// checkTrials refuses parameters that give the same trial twice: its rows would count as
// those of a further trial. Values of one list are compared before (strict.distinct); this
// check finds what only the experiment knows to be the same.
func checkTrials(e Experiment) error {
	for _, snapshots := range []bool{false, true} {
		trials, _ := e.Trials(Target{Snapshots: snapshots})
		seen := map[string]bool{}
		for _, t := range trials {
			if t.Experiment = e.Name(); seen[t.String()] {
				return Bad(e.Name(), "two of its trials are the same, %v; remove one of the values that give it", t)
			}
			seen[t.String()] = true
		}
	}
	return nil
}

// only keeps the named experiments.
func (su *Suite) only(experiments []string) (*Suite, error) {
	part := *su
	part.Experiments = nil
	for _, name := range experiments {
		if part.section(name) != nil {
			continue // named twice
		}
		sec := su.section(name)
		if sec == nil {
			return nil, fmt.Errorf("%w: experiment %q is not in suite %s", ErrUnknown, name, su.Name)
		}
		part.Experiments = append(part.Experiments, *sec)
	}
	return &part, nil
}

func (su *Suite) section(name string) *Section {
	for i := range su.Experiments {
		if su.Experiments[i].Name() == name {
			return &su.Experiments[i]
		}
	}
	return nil
}

// names are the suite's experiments.
func (su *Suite) names() []string {
	var all []string
	for _, sec := range su.Experiments {
		all = append(all, sec.Name())
	}
	return all
}
