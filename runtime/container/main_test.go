package container

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// victimDir, in the environment, makes the test binary a platform that boots
// containers and waits to be killed. FAMILY and COUNT say which and how many.
const victimDir = "LAMBDABENCH_TEST_VICTIM_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimDir); dir != "" {
		playVictim(dir)
		return
	}
	os.Exit(m.Run())
}

// open makes a backend on the default state directory: what a test that is
// killed leaves is swept up by the next.
func open(t testing.TB, cfg Config) *Backend {
	t.Helper()
	b := New(cfg)
	if err := b.Probe(t.Context()); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("close %s: %v", b.Name(), err)
		}
	})
	return b
}

// eachFamily runs a test for every OCI runtime; the test's open skips those
// that are not here.
func eachFamily(t *testing.T, test func(t *testing.T, family string)) {
	for _, family := range Families() {
		t.Run(family, func(t *testing.T) { test(t, family) })
	}
}

func boot(t testing.TB, b *Backend, limits isolation.Limits) *sandbox {
	t.Helper()
	spec := isolation.BootSpec{Interpreter: runtimetest.Interpreter(t, isolation.Python), Limits: limits}
	sb, err := b.Boot(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if p, ok := sb.(pausable); ok {
		return p.sandbox
	}
	return sb.(*sandbox)
}

// load boots a sandbox and imports a handler.
func load(t testing.TB, b *Backend, source string) *sandbox {
	t.Helper()
	sb := boot(t, b, isolation.Limits{})
	if err := sb.Import(t.Context(), runtimetest.Function(t, isolation.Python, source)); err != nil {
		t.Fatal(err)
	}
	return sb
}

// leftovers are the traces of containers on this host: of the instance with
// that id, or of any with none.
func leftovers(id string) []string {
	var found []string
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, idPrefix+id) {
			found = append(found, "mount "+line)
		}
	}
	for _, pattern := range []string{"/sys/fs/cgroup/", "/sys/fs/cgroup/*/"} {
		for range 4 { // as deep as our own group may be
			pattern += "*/"
			groups, _ := filepath.Glob(pattern + idPrefix + id + "*")
			found = append(found, groups...)
		}
		groups, _ := filepath.Glob(strings.TrimSuffix(pattern, "*/*/*/*/") + idPrefix + id + "*")
		found = append(found, groups...)
	}
	links, _ := netlink.LinkList()
	for _, l := range links {
		if name := l.Attrs().Name; strings.HasPrefix(name, "lv"+id) || name == "lbr"+id {
			found = append(found, "link "+name)
		}
	}
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range lines {
		if b, err := os.ReadFile(path); err == nil && strings.Contains(string(b), idPrefix+id) {
			found = append(found, "process "+strings.ReplaceAll(string(b), "\x00", " "))
		}
	}
	return found
}

func wantNothingLeft(t testing.TB, ids ...string) {
	t.Helper()
	for _, id := range ids {
		// The kernel removes network namespaces when it has time.
		var left []string
		defer func() {
			if len(left) > 0 {
				t.Logf("left behind: %d, such as %s", len(left), left[0])
			}
		}()
		runtimetest.Eventually(t, "nothing is left of instance "+id, func() bool {
			left = leftovers(id)
			return len(left) == 0
		})
	}
}

// playVictim boots containers, half of them in an endless loop, and says so.
func playVictim(dir string) {
	fail := func(err error) {
		fmt.Println("error", err)
		os.Exit(1)
	}
	ctx := context.Background()
	b := New(Config{OCI: os.Getenv("FAMILY"), StateDir: dir})
	in, err := isolation.FindInterpreter(ctx, "python")
	if err != nil {
		fail(err)
	}
	var count int
	fmt.Sscan(os.Getenv("COUNT"), &count)
	var wg sync.WaitGroup
	for i := range count {
		wg.Go(func() {
			limits := isolation.Limits{MemoryBytes: 256 << 20}
			sb, err := b.Boot(ctx, isolation.BootSpec{Interpreter: in, Limits: limits})
			if err != nil {
				fail(err)
			}
			if i%10 != 0 {
				return
			}
			fn := isolation.Function{
				Name: "loop", Handler: "index.handler", Package: os.Getenv("PACKAGE"),
				Limits: isolation.Limits{MemoryBytes: 256 << 20, CPUs: 0.05},
			}
			if err := sb.Import(ctx, fn); err != nil {
				fail(err)
			}
			go sb.Invoke(ctx, isolation.Invocation{ID: "1", Payload: []byte("{}"), Deadline: time.Now().Add(time.Hour)})
		})
	}
	wg.Wait()
	fmt.Println("up", b.home.id)
	bufio.NewReader(os.Stdin).ReadString('\n') // for ever
}
