package unikernel

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/lambdabench/lambdabench/runtime"
	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/unikernel/image"
)

// language is what the backend holds of one language runtime.
type language struct {
	once  sync.Once
	err   error
	key   string // names the image's content
	image *os.File
	node  *node // has the image mapped and nothing in the region: boots
}

// language prepares a language runtime, once: its image and the node that
// boots it.
func (b *Backend) language(ctx context.Context, in runtime.Interpreter) (*language, error) {
	b.mu.Lock()
	l := b.images[in.Path]
	if l == nil {
		l = &language{}
		b.images[in.Path] = l
	}
	b.mu.Unlock()
	l.once.Do(func() { l.err = l.load(ctx, b, in) })
	return l, l.err
}

// private are the directories that every UC has of its own, over what the image
// has there (libos/path.c).
var private = []string{"/dev/", "/proc/", "/sys/", "/tmp/", "/var/tmp/", driver.TaskRoot + "/"}

func (l *language) load(ctx context.Context, b *Backend, in runtime.Interpreter) error {
	for _, dir := range private {
		if strings.HasPrefix(in.Path, dir) {
			return fmt.Errorf("%s: a sandbox has a %s of its own, and cannot see it there; install it elsewhere", in.Path, dir)
		}
	}
	files, err := image.ForInterpreter(context.WithoutCancel(ctx), in)
	if err != nil {
		return err
	}
	name, src, err := driver.Source(in.Language)
	if err != nil {
		return err
	}
	files.AddFile(driverPath(name), 0o644, src)
	l.key = files.Key()
	dir := b.cfg.Dir
	if dir == "" {
		if dir, err = os.UserCacheDir(); err != nil {
			dir = os.TempDir()
		}
		dir = filepath.Join(dir, "lambdabench", "images")
	}
	if l.image, err = image.Cached(dir, files); err != nil {
		return err
	}
	l.node, err = b.root.grow(l.image, b.arena.FD(), nil, nil)
	return err
}
