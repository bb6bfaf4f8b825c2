package experiment

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/workloads/apps"
)

// appSuite is deploy with small real functions instead of a NOP, in the spirit
// of OpenLambda's LambdaBench.
type appSuite struct {
	Apps   []string   `yaml:"apps"` // names of package apps; all by default
	Paths  []string   `yaml:"paths"`
	Starts []string   `yaml:"starts"` // of cold calls, as in deploy
	Calls  int        `yaml:"calls"`  // of each path in a trial, at most
	Memory bench.Size `yaml:"memory"` // limit of a function
}

func newApps() *appSuite {
	a := &appSuite{Paths: []string{string(worker.Hot), string(worker.Warm), string(worker.Cold)}, Calls: 200,
		Memory: 256 << 20, Starts: []string{record.StartStemAO, record.StartSnapshot}}
	for _, app := range apps.All() {
		a.Apps = append(a.Apps, app.Name)
	}
	return a
}

func (a *appSuite) Name() string { return record.ExperimentApps }

func (a *appSuite) Doc() string {
	return "latency of small real functions (JSON, templates, hashes, pixels, files) by each path"
}

func (a *appSuite) Check() error {
	for _, name := range a.Apps {
		if _, err := apps.ByName(name); err != nil {
			return bench.Bad("apps", "%v", err)
		}
	}
	for _, p := range a.Paths {
		if all := newDeploy().Paths; !slices.Contains(all, p) {
			return bench.Bad("paths", "%q is none of %v", p, all)
		}
	}
	for _, start := range a.Starts {
		if all := coldStarts(true); !slices.Contains(all, start) {
			return bench.Bad("starts", "%q is none of %v", start, all)
		}
	}
	return errors.Join(bench.AtLeast("apps", len(a.Apps), 1), bench.AtLeast("paths", len(a.Paths), 1),
		bench.AtLeast("calls", a.Calls, 1))
}

func (a *appSuite) Trials(t bench.Target) ([]bench.Trial, string) {
	var all []bench.Trial
	for _, name := range a.Apps {
		trials, _ := (&deploy{Paths: a.Paths, Starts: a.Starts, Paces: []string{record.PaceTight}}).Trials(t)
		for _, trial := range trials {
			labels := map[string]string{record.LabelApp: name}
			if start := trial.Labels[record.LabelStart]; start != "" {
				labels[record.LabelStart] = start
			}
			trial.Labels = labels
			all = append(all, trial)
		}
	}
	return all, ""
}

// RunTrial is that of deploy, with the application and its event.
func (a *appSuite) RunTrial(ctx context.Context, env *bench.Env, t bench.Trial, sink *bench.Sink) error {
	app, err := apps.ByName(t.Labels[record.LabelApp])
	if err != nil {
		return err
	}
	d := newDeploy()
	d.Calls, d.HotWarmup, d.Memory = a.Calls, 0, a.Memory // an application's call takes long
	return d.measureApp(ctx, env, t, app, sink)
}

// measureApp measures calls of an application, by the trial's path.
func (d *deploy) measureApp(ctx context.Context, env *bench.Env, t bench.Trial, app apps.App, sink *bench.Sink) error {
	event, err := app.Event()
	if err != nil {
		return err
	}
	pop := appPopulation{app: app, language: string(env.Interpreter.Language), dir: filepath.Join(env.Dir, app.Name)}
	if err := app.Write(pop.language, pop.dir); err != nil {
		return err
	}
	return d.measure(ctx, env, t, Functions{pop, d.functions(t.Path), time.Minute, d.Memory}, event, sink)
}

// appPopulation is one application under any number of names.
type appPopulation struct {
	app           apps.App
	language, dir string
}

func (p appPopulation) Name(i int) string               { return fmt.Sprintf("%s-%05d", p.app.Name, i) }
func (p appPopulation) Package(int) string              { return p.dir }
func (p appPopulation) Check(_ int, reply []byte) error { return p.app.Check(reply) }

func (p appPopulation) Zip(int) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	err := errors.Join(w.AddFS(os.DirFS(p.dir)), w.Close())
	return b.Bytes(), err
}
