package driver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// TaskRoot is where a sandbox with a file system of its own has the code, as
// on AWS Lambda.
const TaskRoot = "/var/task"

// LibraryPath is LD_LIBRARY_PATH as AWS Lambda sets it, for code at root. ld.so(8)
// remembers for the life of a process which of the directories were missing when it
// first looked, so root/lib must be there when the interpreter starts.
func LibraryPath(root string) string {
	return strings.Join([]string{
		"/var/lang/lib", "/lib64", "/usr/lib64", "/var/runtime", "/var/runtime/lib", root, root + "/lib", "/opt/lib",
	}, ":")
}

// Code is a function's package for the driver: either the package is at Root
// already, or its files are sent along and the driver writes them below Root.
type Code struct {
	Root  string
	Files []File
	Bytes []byte // the files' contents, one after the other
}

// File is one file of a package that is sent along. The content of a symbolic
// link is its target.
type File struct {
	Path string `json:"path"` // relative, with slashes
	Size int64  `json:"size"`
	Mode uint32 `json:"mode"` // permission bits
	Link bool   `json:"link,omitempty"`
}

type importRequest struct {
	Root        string            `json:"root"`
	Files       []File            `json:"files,omitempty"`
	Handler     string            `json:"handler"`
	Environment map[string]string `json:"env,omitempty"`
	Name        string            `json:"name"`
	Version     string            `json:"version"`
	ARN         string            `json:"arn"`
	MemoryMB    int64             `json:"memory"`
	Credentials map[string]string `json:"credentials,omitempty"`
	LogGroup    string            `json:"group"`
	LogStream   string            `json:"stream"`
}

// prepareRequest names the steps of anticipatory optimisation that the driver runs.
type prepareRequest struct {
	Steps    []string           `json:"steps"`
	Training []trainingFunction `json:"training"`
}

// trainingFunction is a training function for the driver.
type trainingFunction struct {
	Name   string `json:"name"`
	Source string `json:"source"` // its handler is called handler
}

// CodeAt is code that the sandbox sees at root: absolute, and not by way of a
// symbolic link.
func CodeAt(root string) Code { return Code{Root: root} }

// PackCode reads the package in dir, to be sent along and written below root.
// Only regular files, directories and symbolic links may be in it. Links come
// last, so that no file is written by way of one.
func PackCode(dir, root string) (Code, error) {
	code := Code{Root: root}
	var links []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || d.IsDir():
			return err
		case d.Type() == fs.ModeSymlink:
			links = append(links, path)
			return nil
		case !d.Type().IsRegular():
			return fmt.Errorf("%s is neither a file nor a symbolic link", path)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if int64(len(code.Bytes))+info.Size() > MaxImportBytes {
			return fmt.Errorf("package is larger than %d bytes", MaxImportBytes)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return code.add(dir, path, data, File{Mode: uint32(info.Mode().Perm())})
	})
	for _, path := range links {
		target, e := os.Readlink(path)
		if e == nil {
			e = code.add(dir, path, []byte(target), File{Mode: 0o777, Link: true})
		}
		err = errors.Join(err, e)
	}
	if err != nil {
		return Code{}, fmt.Errorf("pack %s: %w", dir, err)
	}
	return code, nil
}

// add puts a file at the end.
func (c *Code) add(dir, path string, data []byte, f File) error {
	rel, err := filepath.Rel(dir, path)
	if err != nil {
		return err
	}
	f.Path, f.Size = filepath.ToSlash(rel), int64(len(data))
	c.Files, c.Bytes = append(c.Files, f), append(c.Bytes, data...)
	return nil
}
