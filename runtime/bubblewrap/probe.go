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
	path, err := b.lookUp()
	if err == nil {
		err = b.prepare()
	}
	if err != nil {
		return err
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

func (b *Backend) unavailable(lacks, remedy string) error {
	return &isolation.Unavailable{Backend: Name, Lacks: lacks, Remedy: remedy}
}

// lookUp finds bwrap.
func (b *Backend) lookUp() (string, error) {
	path, err := exec.LookPath(b.cfg.Program)
	if errors.Is(err, exec.ErrNotFound) {
		return "", b.unavailable(fmt.Sprintf("no %s on the PATH", b.cfg.Program), installRemedy)
	}
	return path, err
}
