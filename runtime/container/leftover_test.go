package container

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

func TestPlatformThatWasKilledLeavesNothingAfterTheNextStart(t *testing.T) {
	eachFamily(t, func(t *testing.T, family string) {
		const containers = 50
		b := open(t, Config{OCI: family})
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), victimDir+"="+b.cfg.stateDir(),
			"FAMILY="+family, "COUNT="+strconv.Itoa(containers),
			"PACKAGE="+runtimetest.Function(t, isolation.Python, "def handler(e, c):\n    while True: pass\n").Package)
		hold, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		defer hold.Close()
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(out).ReadString('\n')
		id, ok := strings.CutPrefix(strings.TrimSpace(line), "up ")
		if !ok {
			cmd.Process.Kill()
			cmd.Wait()
			b.HostAddress(t.Context()) // sweeps up
			t.Fatalf("the platform did not come up: %q, %v", line, err)
		}
		if there := leftovers(id); len(there) < containers {
			t.Errorf("only %d traces of %d containers: the test cannot see them", len(there), containers)
		}
		cmd.Process.Kill()
		cmd.Wait()
		boot(t, b, isolation.Limits{}) // a container, so that the next start works as well
		wantNothingLeft(t, id)
		wantNoState(t, b, id)
	})
}

func TestManyContainersLeaveNothing(t *testing.T) {
	eachFamily(t, func(t *testing.T, family string) {
		b := open(t, Config{OCI: family})
		const count = 200
		var wg sync.WaitGroup
		jobs := make(chan struct{}, count)
		for range count {
			jobs <- struct{}{}
		}
		close(jobs)
		in := runtimetest.Interpreter(t, isolation.Python)
		for range 6 { // more than are made at a time
			wg.Go(func() {
				for range jobs {
					spec := isolation.BootSpec{Interpreter: in, Limits: isolation.Limits{MemoryBytes: 256 << 20}}
					sb, err := b.Boot(t.Context(), spec)
					if err != nil {
						t.Error(err)
						return
					}
					if err := sb.Close(); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if b.home == nil {
			t.Fatal("no container was made")
		}
		id := b.home.id
		wantNothingLeft(t, id+"-")
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		wantNothingLeft(t, id)
		wantNoState(t, b, id)
	})
}

func wantNoState(t *testing.T, b *Backend, id string) {
	t.Helper()
	if left, err := os.ReadDir(filepath.Join(b.cfg.stateDir(), id)); err == nil {
		t.Errorf("the state directory of %s is there, with %v", id, left)
	}
}

func TestBootThatFailsLeavesNothing(t *testing.T) {
	eachFamily(t, func(t *testing.T, family string) {
		b := open(t, Config{OCI: family})
		id := boot(t, b, isolation.Limits{}).shared.home.id
		in := runtimetest.Interpreter(t, isolation.Python)
		img, err := b.image(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		command := img.Command
		defer func() { img.Command = command }()
		img.Command = []string{"/no/such/program"}
		_, err = b.Boot(t.Context(), isolation.BootSpec{Interpreter: in})
		if err == nil || !strings.Contains(err.Error(), "/no/such/program") {
			t.Errorf("error %v does not have the OCI runtime's words", err)
		}
		if len(b.live) != 1 {
			t.Errorf("%d containers are on the list, want the first", len(b.live))
		}
		wantNothingLeft(t, id+"-2")
	})
}
