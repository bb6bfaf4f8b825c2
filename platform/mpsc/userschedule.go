package mpsc

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

//go:embed schedules/mpsc.py schedules/entry.py
var scheduleFiles embed.FS

// maxSchedule bounds an uploaded schedule, in bytes.
const maxSchedule = 256 << 10

// maxProcesses bounds the processes and threads of a schedule's sandbox.
const maxProcesses = 64

// Runner runs a function in a sandbox. A *worker.Worker is one.
type Runner interface {
	Invoke(ctx context.Context, req worker.Request) (worker.Response, error)
}

// Sandbox says where users' schedules run.
type Sandbox struct {
	Runner  Runner
	Runtime string // a Python runtime that the runner has: "python3.11"
	Dir     string // for the schedules' packages
}

// userSchedule is an uploaded Python class, run as a function.
type userSchedule struct {
	sandbox Sandbox
	name    string
	pkg     string // directory of its package
	hash    string
	limit   time.Duration
}

// newUserSchedule lays out the package. Equal sources share a directory, which
// is made under another name and then renamed: two uploads of one source at a time do
// not disturb each other.
func newUserSchedule(sb Sandbox, name, source string, limit time.Duration) (*userSchedule, error) {
	if sb.Runner == nil || sb.Runtime == "" {
		return nil, ErrNoSandbox
	}
	if len(source) == 0 || len(source) > maxSchedule {
		return nil, fmt.Errorf("%w: %s has %d bytes, 1 to %d are allowed", ErrBadSchedule, name, len(source),
			maxSchedule)
	}
	sum := sha256.Sum256([]byte(source))
	u := &userSchedule{sandbox: sb, name: name, hash: hex.EncodeToString(sum[:8]), limit: limit}
	u.pkg = filepath.Join(sb.Dir, u.hash)
	if _, err := os.Stat(u.pkg); err == nil {
		return u, nil
	}
	if err := u.layOut(source); err != nil {
		return nil, fmt.Errorf("lay out schedule %s: %w", name, err)
	}
	return u, nil
}

func (u *userSchedule) layOut(source string) error {
	aside, err := os.MkdirTemp(u.sandbox.Dir, "new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(aside)
	files := map[string][]byte{"user_schedule.py": []byte(source)}
	for _, name := range []string{"mpsc.py", "entry.py"} {
		if files[name], err = scheduleFiles.ReadFile("schedules/" + name); err != nil {
			return err
		}
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(aside, name), data, 0o644); err != nil {
			return err
		}
	}
	if err := os.Chmod(aside, 0o755); err != nil {
		return err
	}
	if err := os.Rename(aside, u.pkg); err != nil && !errors.Is(err, os.ErrExist) {
		if _, there := os.Stat(u.pkg); there != nil {
			return err
		}
	}
	return nil
}

// Choose implements Schedule: it runs the class within the limit.
func (u *userSchedule) Choose(ctx context.Context, all []Metrics) (string, error) {
	event, err := json.Marshal(map[string]any{"providers": all})
	if err != nil {
		return "", err
	}
	name := "mpsc-schedule-" + u.hash
	resp, err := u.sandbox.Runner.Invoke(ctx, worker.Request{
		Runtime: u.sandbox.Runtime,
		Function: isolation.Function{
			Name: name, Version: "$LATEST", ARN: "arn:aws:lambda:local:000000000000:function:" + name,
			Handler: "entry.handler", Package: u.pkg, Limits: isolation.Limits{MemoryBytes: 128 << 20,
				Processes: maxProcesses},
		},
		Timeout:    u.limit,
		Invocation: isolation.Invocation{ID: uuid.NewString(), Payload: event},
	})
	if err != nil {
		return "", fmt.Errorf("run schedule %s: %w", u.name, err)
	}
	if resp.Error != nil {
		return "", fmt.Errorf("%w: %s: %w", ErrBadSchedule, u.name, resp.Error)
	}
	var choice string
	if err := json.Unmarshal(resp.Payload, &choice); err != nil {
		return "", fmt.Errorf("%w: %s returned %.100s", ErrBadSchedule, u.name, resp.Payload)
	}
	return choice, nil
}
