package unikernel

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/rootfs"
	"github.com/lambdabench/lambdabench/runtime/unikernel/image"
	"github.com/lambdabench/lambdabench/runtime/unikernel/zygote"
)

// language is what the backend holds of one language runtime.
type language struct {
	in     isolation.Interpreter
	mu     sync.Mutex // held while it is loaded
	loaded atomic.Bool
	key    string   // names the image's content; guarded by mu until loaded
	image  *os.File // stays when the tender ends; guarded by mu until loaded

	zygote atomic.Pointer[zygote.Zygote] // has the image mapped and nothing in the region
}

// language prepares a language runtime, once: its image and the zygote that
// boots it. What failed is tried again by the next call.
func (b *Backend) language(ctx context.Context, in isolation.Interpreter) (*language, error) {
	b.mu.Lock()
	l := b.images[in.Path]
	if l == nil {
		l = &language{in: in}
		b.images[in.Path] = l
	}
	b.mu.Unlock()
	if l.loaded.Load() {
		return l, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.loaded.Load() {
		return l, nil
	}
	if b.isClosed() {
		return nil, isolation.ErrClosed
	}
	if err := l.load(ctx, b, in); err != nil {
		return nil, err
	}
	l.loaded.Store(true)
	return l, nil
}

// close releases a language once nothing is loaded any more.
func (l *language) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if z := l.zygote.Load(); z != nil {
		z.Close()
	}
	if l.image != nil {
		l.image.Close()
	}
}

// driverPath is where a UC finds the driver.
func driverPath(name string) string { return "/opt/lambdabench/" + name }

// private are the directories that every UC has of its own, over what the image
// has there (csrc/libos/fs/path.c).
var private = []string{"/dev/", "/proc/", "/sys/", "/tmp/", "/var/tmp/", driver.TaskRoot + "/"}

func (l *language) load(ctx context.Context, b *Backend, in isolation.Interpreter) error {
	for _, dir := range private {
		if strings.HasPrefix(in.Path, dir) {
			return fmt.Errorf("%s: a sandbox has a %s of its own, and cannot see it there; install it elsewhere",
				in.Path, dir)
		}
	}
	files, err := rootfs.ForInterpreter(context.WithoutCancel(ctx), in)
	if err != nil {
		return err
	}
	image.AddNames(files)
	name, src, err := driver.Source(in.Language)
	if err != nil {
		return err
	}
	files.AddFile(driverPath(name), 0o644, src)
	l.key = image.Key(files)
	dir := b.cfg.Dir
	if dir == "" {
		if dir, err = rootfs.CacheDir(); err != nil {
			return err
		}
	}
	if l.image == nil {
		if l.image, err = image.Cached(dir, files); err != nil {
			return err
		}
	}
	root, err := b.liveRoot(ctx)
	if err != nil {
		return err
	}
	return l.growImage(ctx, b, root)
}

// growImage makes the image zygote of the language.
func (l *language) growImage(ctx context.Context, b *Backend, root *zygote.Zygote) error {
	z, err := root.Grow(ctx, zygote.Memory{Image: l.image, Arena: b.arena.FD()})
	if err == nil {
		l.zygote.Store(z)
	}
	return err
}

// imageZygote is a live zygote that boots a language.
func (b *Backend) imageZygote(ctx context.Context, l *language) (*zygote.Zygote, error) {
	return b.awaitZygote(ctx, func() *zygote.Zygote {
		if z := l.zygote.Load(); !z.Dead() {
			return z
		}
		return nil
	})
}

// loadedLanguages needs b.mu.
func (b *Backend) loadedLanguages() (all []*language) {
	for _, l := range b.images {
		if l.loaded.Load() {
			all = append(all, l)
		}
	}
	return all
}
