package driver

import "github.com/lambdabench/lambdabench/runtime/isolation"

// TrainingFunction stands for all functions of a language in the training runs of
// isolation.StepPrefetch: the pages that it touches, every function does. Its handler is
// index.handler. The step isolation.StepInterpreter has a training function of its own,
// in the driver. No function that an experiment measures is one of them.
func TrainingFunction(lang isolation.Language) (file, source string) {
	if lang == isolation.Python {
		return "index.py", "def handler(event, context):\n    return event\n"
	}
	return "index.js", "exports.handler = async (event) => event;\n"
}
