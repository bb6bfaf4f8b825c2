package backends

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// packagesDir, in the environment, is where packages are downloaded to and kept.
const packagesDir = "LAMBDABENCH_PACKAGES"

// Every package of the list loads and computes on every backend.
//
//	LAMBDABENCH_PACKAGES=/var/tmp/packages go test -run CarriedPackages -timeout 30m ./runtime/backends
func TestCarriedPackagesLoadOnEveryBackend(t *testing.T) {
	dir := os.Getenv(packagesDir)
	if dir == "" {
		t.Skipf("downloads some hundred megabytes from Debian and npm, which takes minutes: set %s to a "+
			"directory to keep them in", packagesDir)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	roots, missing := map[string]string{}, map[string]error{}
	for _, p := range carriedPackages {
		roots[p.name], missing[p.name] = p.fetch(t.Context(), dir)
	}
	for _, b := range All(Config{}) {
		t.Run(b.Name(), func(t *testing.T) {
			defer func() {
				if err := b.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			}()
			if err := b.Probe(t.Context()); err != nil {
				t.Skip(err)
			}
			for _, p := range carriedPackages {
				t.Run(p.name, func(t *testing.T) {
					if err := missing[p.name]; err != nil {
						t.Skip(err)
					}
					p.call(t, b, roots[p.name])
				})
			}
		})
	}
}

// call imports the package's handler and wants its reply twice.
func (p carried) call(t *testing.T, b isolation.Backend, root string) {
	in, err := isolation.FindInterpreter(t.Context(), string(p.language))
	if err != nil {
		t.Skip(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	limits := isolation.Limits{MemoryBytes: 3008 << 20}
	sb, err := b.Boot(ctx, isolation.BootSpec{Interpreter: in, Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := sb.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}()
	fn := isolation.Function{Name: "carried", Version: "$LATEST", Handler: "carriedhandler.handler", Package: root,
		Limits: limits}
	if err := sb.Import(ctx, fn); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		deadline, _ := ctx.Deadline()
		res, err := sb.Invoke(ctx, isolation.Invocation{ID: "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
			Payload: []byte("{}"), Deadline: deadline})
		if err != nil {
			t.Fatal(err)
		}
		if res.Outcome != isolation.OK || string(res.Payload) != p.want {
			t.Fatalf("outcome %s, reply %s, error %v, logs %.2000s; want %s", res.Outcome, res.Payload, res.Error,
				res.Logs, p.want)
		}
	}
}

// fetch makes the function's package below dir, unless an earlier run did. The error says why it cannot be had.
func (p carried) fetch(ctx context.Context, dir string) (root string, err error) {
	root = filepath.Join(dir, strings.NewReplacer("/", "-", "@", "").Replace(p.name))
	extension := map[isolation.Language]string{isolation.Python: ".py", isolation.NodeJS: ".js"}[p.language]
	if _, err := os.Stat(root); errors.Is(err, fs.ErrNotExist) {
		work, err := os.MkdirTemp(dir, ".fetching-")
		if err != nil {
			return "", err
		}
		defer os.RemoveAll(work)
		task := filepath.Join(work, "task")
		if p.language == isolation.Python {
			err = p.fetchDebian(ctx, work, task)
		} else {
			err = p.fetchNPM(ctx, task)
		}
		if err != nil {
			return "", fmt.Errorf("%s cannot be had here: %w", p.name, err)
		}
		if err := os.Rename(task, root); err != nil {
			return "", err
		}
	} else if err != nil {
		return "", err
	}
	return root, os.WriteFile(filepath.Join(root, "carriedhandler"+extension), []byte(p.code), 0o644)
}

// fetchDebian unpacks Debian's packages, without installing them: modules at the root, libraries in lib.
func (p carried) fetchDebian(ctx context.Context, work, task string) error {
	if err := command(ctx, work, "apt-get", append([]string{"download", "-qq"}, p.debian...)...); err != nil {
		return err
	}
	debs, _ := filepath.Glob(filepath.Join(work, "*.deb"))
	for _, deb := range debs {
		if err := command(ctx, work, "dpkg", "-x", deb, "unpacked"); err != nil {
			return err
		}
	}
	unpacked := filepath.Join(work, "unpacked", "usr", "lib")
	if err := copyTree(task, filepath.Join(unpacked, "python3", "dist-packages")); err != nil {
		return err
	}
	lib := filepath.Join(task, "lib")
	if err := os.MkdirAll(lib, 0o755); err != nil {
		return err
	}
	for _, pattern := range []string{"*-linux-gnu/*.so.*", "*-linux-gnu/*/*.so.*"} {
		objects, _ := filepath.Glob(filepath.Join(unpacked, pattern))
		for _, o := range objects {
			if err := copyOne(filepath.Join(lib, filepath.Base(o)), o); err != nil {
				return err
			}
		}
	}
	return nil
}

// fetchNPM installs without scripts: what a script would download is no part of the package.
func (p carried) fetchNPM(ctx context.Context, task string) error {
	if err := os.MkdirAll(task, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(task, "package.json"), []byte("{}"), 0o644); err != nil {
		return err
	}
	args := append([]string{"install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-bin-links"}, p.npm...)
	if err := command(ctx, task, "npm", args...); err != nil {
		return err
	}
	// a package that has all systems' binaries is too large
	for _, other := range []string{"darwin", "win32", "linux/arm64"} {
		found, _ := filepath.Glob(filepath.Join(task, "node_modules/onnxruntime-node/bin/*", other))
		for _, dir := range found {
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
		}
	}
	return nil
}

func command(ctx context.Context, dir, name string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %.300s", strings.Join(cmd.Args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// copyTree copies files, without tests and without links, which a package cannot have.
func copyTree(to, from string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch at := filepath.Join(to, rel); {
		case d.IsDir() && d.Name() == "tests":
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(at, 0o755)
		default:
			return copyOne(at, path)
		}
	})
}

// copyOne copies what a link leads to. A link that leads nowhere, to a package that was not unpacked, is left out.
func copyOne(to, from string) error {
	b, err := os.ReadFile(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o644)
}
