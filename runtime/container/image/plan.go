package image

import (
	"context"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/rootfs"
)

// mountPoints are directories that a container mounts over or writes to.
var mountPoints = []string{"/proc", "/dev", "/sys", "/tmp", driver.TaskRoot, "/run"}

// plan lists all that goes into the image.
func plan(ctx context.Context, in isolation.Interpreter, init string) (*rootfs.Tree, error) {
	t, err := rootfs.ForInterpreter(ctx, in)
	if err != nil {
		return nil, err
	}
	for _, dir := range mountPoints {
		t.AddDir(dir, 0o755)
	}
	t.AddDir(driver.TaskRoot+"/lib", 0o755) // see driver.LibraryPath
	// Filled where the sandbox has a network of its own or the host's.
	t.AddFile("/etc/resolv.conf", 0o644, nil)
	name, source, err := driver.Source(in.Language)
	if err != nil {
		return nil, err
	}
	t.AddFile(DriverDir+"/"+name, 0o644, source)
	if init != "" {
		if err := t.AddProgram(init); err != nil {
			return nil, err
		}
	}
	return t, nil
}
