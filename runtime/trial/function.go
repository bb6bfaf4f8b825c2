package trial

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// event is what the function is called with, and returns: a text, which every
// language writes in one way.
const event = `"trial"`

func call(ctx context.Context, sb isolation.Sandbox) error {
	deadline, _ := ctx.Deadline()
	res, err := sb.Invoke(ctx, isolation.Invocation{
		ID: "8476a536-e9f4-11e8-9739-2dfe598c3fcd", Payload: []byte(event), Deadline: deadline,
	})
	switch {
	case err != nil:
		return err
	case res.Error != nil:
		return res.Error
	case string(res.Payload) != event:
		return fmt.Errorf("the function replied %.60q where %q is due", res.Payload, event)
	}
	return nil
}

// functionDir has a package of one function, which every user may read.
func functionDir(lang isolation.Language) (string, error) {
	dir, err := os.MkdirTemp("", "lambdabench-trial-")
	if err != nil {
		return "", fmt.Errorf("make the function of a trial: %w", err)
	}
	name, text := "index.js", "exports.handler = async (event) => event;\n"
	if lang == isolation.Python {
		name, text = "index.py", "def handler(event, context):\n    return event\n"
	}
	err = os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)
	if err = errors.Join(err, os.Chmod(dir, 0o755)); err != nil {
		os.RemoveAll(dir)
		return "", fmt.Errorf("make the function of a trial: %w", err)
	}
	return dir, nil
}
