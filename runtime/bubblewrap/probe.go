package bubblewrap

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// Remedies of what a host may lack.
const (
	installRemedy = "apt-get install bubblewrap"
	permitRemedy  = "permit user namespaces (sysctl kernel.unprivileged_userns_clone=1 or " +
		"kernel.apparmor_restrict_unprivileged_userns=0; docker: --security-opt seccomp=unconfined)"
)

// Probe implements isolation.Backend: it tries the namespaces of a sandbox with a
// program that does nothing.
func (b *Backend) Probe(ctx context.Context) error {
	path, err := exec.LookPath(b.cfg.Program)
	if err != nil {
		return b.unavailable(fmt.Sprintf("no %s on the PATH", b.cfg.Program), installRemedy)
	}
	cmd := exec.CommandContext(ctx, path, append(fileSystem("/bin/true"), "/bin/true")...)
	cmd.SysProcAttr = attributes()
	out, err := cmd.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return b.unavailable(fmt.Sprintf("%s: %v: %s", path, err, strings.TrimSpace(string(out))), permitRemedy)
	}
	return nil
}

// CanLimit implements isolation.Limiter. The template enforces no limit:
// package process shows how cgroups do.
func (b *Backend) CanLimit(l isolation.Limits) error {
	if l == (isolation.Limits{}) {
		return nil
	}
	return b.unavailable("the template enforces no limits", "use backend process")
}

func (b *Backend) unavailable(lacks, remedy string) error {
	return &isolation.Unavailable{Backend: Name, Lacks: lacks, Remedy: remedy}
}

// lookUp is the program of a boot.
func (b *Backend) lookUp() (string, error) {
	path, err := exec.LookPath(b.cfg.Program)
	if errors.Is(err, exec.ErrNotFound) {
		return "", b.unavailable(fmt.Sprintf("no %s on the PATH", b.cfg.Program), installRemedy)
	}
	return path, err
}
