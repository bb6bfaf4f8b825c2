package driver

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// trainingFiles are the training functions: each is one file a language, whose handler is
// called handler. None is a function that an experiment measures, and each uses another part
// of a language's library. Each is quick, writes nothing to its log and leaves nothing behind.
//
//go:embed training
var trainingFiles embed.FS

// TrainingFunctions lists the training functions by name. The steps
// isolation.StepInterpreter and isolation.StepPrefetch learn from the same ones.
func TrainingFunctions() []string {
	return []string{"echo", "json", "text", "digest", "bytes", "files"}
}

// DefaultTraining names the training functions that steps learn from by default. After
// training runs of digest every clone of Node.js writes more pages, and after those of json
// and files every clone of Python: what they load and allocate stays in the runtime snapshot.
func DefaultTraining() []string { return []string{"echo", "text"} }

// CheckTraining refuses a list that is empty and not nil, and a name that no training
// function has.
func CheckTraining(names []string) error {
	if names != nil && len(names) == 0 {
		return errors.New("the list of training functions is empty: leave it out for the default")
	}
	for _, name := range names {
		if all := TrainingFunctions(); !slices.Contains(all, name) {
			return fmt.Errorf("%q is no training function: there are %s", name, strings.Join(all, ", "))
		}
	}
	return nil
}

// TrainingSource is the source of a training function in a language.
func TrainingSource(lang isolation.Language, name string) (string, error) {
	b, err := trainingFiles.ReadFile("training/" + name + trainingSuffix(lang))
	if err != nil {
		return "", fmt.Errorf("no training function %q in language %q", name, lang)
	}
	return string(b), nil
}

func trainingSuffix(lang isolation.Language) string {
	if lang == isolation.Python {
		return ".py"
	}
	return ".js"
}

// Training is what BootSpec.Training stands for: the list itself, or the default.
func Training(names []string) []string {
	if names == nil {
		return DefaultTraining()
	}
	return names
}

// trainingFunctions are the functions of BootSpec.Training, in order.
func trainingFunctions(lang isolation.Language, names []string) ([]trainingFunction, error) {
	if err := CheckTraining(names); err != nil {
		return nil, err
	}
	var all []trainingFunction
	for _, name := range Training(names) {
		source, err := TrainingSource(lang, name)
		if err != nil {
			return nil, err
		}
		all = append(all, trainingFunction{Name: name, Source: source})
	}
	return all, nil
}

// WriteTraining writes a training function's package into a directory. Its handler is
// index.handler, its event is any.
func WriteTraining(dir string, lang isolation.Language, name string) error {
	source, err := TrainingSource(lang, name)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "index"+trainingSuffix(lang)), []byte(source), 0o644); err != nil {
		return fmt.Errorf("write training function %s: %w", name, err)
	}
	return nil
}
