package driver

import (
	"encoding/json"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// The replies of training runs go to nobody: a function that fails is told by the step's own.
func TestTrainingFunctionThatFailsIsNamedByTheStep(t *testing.T) {
	const failing, importing = "in a call", "while it is imported"
	for lang, sources := range map[isolation.Language]map[string]string{
		isolation.NodeJS: {
			failing:   "exports.handler = async () => { throw new TypeError('boom'); };",
			importing: "throw new TypeError('boom');",
		},
		isolation.Python: {
			failing:   "def handler(event, context):\n    raise TypeError('boom')\n",
			importing: "raise TypeError('boom')\n",
		},
	} {
		for when, source := range sources {
			t.Run(string(lang)+"/"+when, func(t *testing.T) {
				training, err := trainingFunctions(lang, []string{"echo"})
				if err != nil {
					t.Fatal(err)
				}
				training = append(training, trainingFunction{Name: "broken", Source: source})
				p := startDriver(t, lang)
				if h, _, err := readFrame(p.channel); err != nil || h.Type != TypeHello {
					t.Fatalf("%+v, %v", h, err)
				}
				err = p.prepare(t, prepareRequest{Steps: []string{isolation.StepInterpreter}, Training: training})
				if err == nil || err.Error() != "TypeError: training function broken: boom" {
					t.Errorf("the step ends with %v", err)
				}
				// The driver is back at its channel, and has forgotten the failure.
				err = p.prepare(t, prepareRequest{Steps: []string{isolation.StepInterpreter}, Training: training[:1]})
				if err != nil {
					t.Errorf("after the failure: %v", err)
				}
			})
		}
	}
}

// prepare sends a Prepare and reads the error of its reply.
func (p *process) prepare(t *testing.T, request prepareRequest) error {
	t.Helper()
	body, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.channel.Write(frame(Header{Type: TypePrepare, Seq: 1}, string(body))); err != nil {
		t.Fatal(err)
	}
	h, payload, err := readFrame(p.channel)
	if err != nil || h.Type != TypePrepared {
		t.Fatalf("%+v, %v, log %s", h, err, p.log.Peek())
	}
	if h.Flags&FlagError != 0 {
		return functionError(payload, h.Flags&FlagFinal != 0)
	}
	return nil
}
