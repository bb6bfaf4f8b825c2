package process

import (
	"os"
	"path/filepath"
	"strings"
)

const (
	runtimeRoot = "/var/runtime" // of the driver, as on AWS Lambda
	viewSize    = "512m"         // of all that is written; AWS Lambda's /tmp
)

// systemDirs are what a sandbox sees of the host: programs, libraries and their
// settings. Whatever else the host has (homes, /var, /run, /sys, the packages of
// other functions, the platform's data) is not there.
var systemDirs = []string{
	"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/nix", "/gnu", "/dev", "/proc",
}

// view is the plan of a sandbox's file system: a root in memory, with /tmp and
// /var/task of its own, and directories of the host. enter (root) and script
// (other users) carry the plan out in a new mount namespace.
type view struct {
	base    string      // an empty directory of the host, where the root is put together
	runtime string      // the directory of the drivers
	dirs    []string    // directories of the host, each at its own path
	links   [][2]string // symbolic links: where to, path
}

// newView plans the file system for an interpreter.
func newView(base, runtimeDir, interpreter string) *view {
	v := &view{base: base, runtime: runtimeDir}
	for _, dir := range systemDirs {
		info, err := os.Lstat(dir)
		switch {
		case err != nil:
		case info.Mode()&os.ModeSymlink != 0:
			if to, err := os.Readlink(dir); err == nil {
				v.links = append(v.links, [2]string{to, dir})
			}
		case info.IsDir():
			v.dirs = append(v.dirs, dir)
		}
	}
	if !v.shows(interpreter) { // a version manager's: bin and lib lie side by side
		v.dirs = append(v.dirs, filepath.Dir(filepath.Dir(interpreter)))
	}
	// systemd-resolved and others keep the file below /run.
	if names, err := filepath.EvalSymlinks("/etc/resolv.conf"); err == nil && !v.shows(names) {
		v.dirs = append(v.dirs, filepath.Dir(names))
	}
	return v
}

// shows tells whether a path of the host is in the view.
func (v *view) shows(path string) bool {
	for _, dir := range v.dirs {
		if strings.HasPrefix(path, dir+"/") {
			return true
		}
	}
	for _, link := range v.links {
		if strings.HasPrefix(path, link[1]+"/") {
			return true
		}
	}
	return false
}
