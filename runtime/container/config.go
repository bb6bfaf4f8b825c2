package container

import (
	"os"
	"path/filepath"
	"strconv"

	"github.com/lambdabench/lambdabench/runtime/rootfs"
)

// Config of the backend; the zero value works.
type Config struct {
	OCI string // the OCI runtime: "runc", "crun" or "runsc", or a path to one; "runc" by default

	Network     Network // bridge for root, none for others by default
	NetworkPool int     // network namespaces that are kept ready; 0 makes each at Boot

	Dir      string // for images; lambdabench in the user's cache directory by default
	StateDir string // where running containers are written down; in /run or XDG_RUNTIME_DIR by default

	FirstUID uint32 // host user id that is root in containers, 65536 ids from there; FirstUID by default
	Parallel int    // containers that are being made at a time; twice the processors, at least 4, by default

	// Max is how many containers there are at a time; by default as many as the
	// memory at hand bears (isolation.Bears). A bridge bears MaxOnBridge.
	Max int
}

// FirstUID is the default of Config.FirstUID. It lies beyond the ranges that
// distributions hand out in subuid(5).
const FirstUID = 0x6c620000

// Families are the OCI runtimes that a backend can be made of.
func Families() []string { return []string{"runc", "crun", "runsc"} }

// stateDir is where instances are. It must be the same for all platforms of a
// user, or what a killed one left is never found.
func (c Config) stateDir() string {
	if c.StateDir != "" {
		return c.StateDir
	}
	if os.Geteuid() == 0 {
		return "/run/lambdabench/containers"
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, "lambdabench", "containers")
	}
	return filepath.Join(os.TempDir(), "lambdabench-"+strconv.Itoa(os.Geteuid()), "containers")
}

func (c Config) imageDir() (string, error) {
	if c.Dir != "" {
		return filepath.Abs(filepath.Join(c.Dir, "images"))
	}
	return rootfs.CacheDir()
}
