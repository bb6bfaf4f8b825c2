package process

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/conformance"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// As on a host whose cgroups are not ours to make: root has its users.
func TestConformanceWithoutCgroups(t *testing.T) {
	conformance.Run(t, func(testing.TB) isolation.Backend { return New(Config{withoutCgroups: true}) })
}

// nobody is an ordinary user.
const nobody = 65534

// An ordinary user has neither cgroups nor users, but pid namespaces.
func TestConformanceAsAnOrdinaryUser(t *testing.T) {
	if !namespacesPermitted() {
		t.Skip("user and pid namespaces are not permitted on this host")
	}
	if os.Geteuid() != 0 {
		conformance.Run(t, func(testing.TB) isolation.Backend { return New(Config{withoutCgroups: true}) })
		return
	}
	dir, err := os.MkdirTemp("", "lambdabench-nobody-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	binary, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(dir+"/test", binary, 0o755), os.Chmod(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(dir+"/test", "-test.run", "^"+t.Name()+"$", "-test.v", "-test.timeout", "9m")
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/tmp"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("as user %d: %v\n%s", nobody, err, out)
	}
}

func TestUsageNamesTheSourceOfTheMemoryFigure(t *testing.T) {
	for _, cfg := range []Config{{}, {withoutCgroups: true}} {
		b := New(cfg)
		defer b.Close()
		if err := b.Probe(t.Context()); err != nil {
			t.Skip(err)
		}
		sb, err := b.Boot(context.Background(), isolation.BootSpec{
			Interpreter: runtimetest.Interpreter(t, isolation.Python),
		})
		if err != nil {
			t.Fatal(err)
		}
		u, err := sb.Usage()
		if err != nil {
			t.Fatal(err)
		}
		want := cmp.Or(b.cgroups.Source(), sourcePSS)
		if want == sourcePSS && u.Source == sourceRSS && b.users != nil {
			want = sourceRSS // this environment's root may not trace; see below
		}
		if u.Source != want || u.MemoryBytes < 1<<20 {
			t.Errorf("usage %+v, want the source %s", u, want)
		}
		t.Logf("%+v", u)
	}
}

// As root has it in a container with Docker's defaults.
func TestUsageWithoutTheRightToTrace(t *testing.T) {
	const tracing = "-sys_ptrace,-perfmon,-sys_admin" // any of them lets new kernels show another's memory
	setpriv, err := exec.LookPath("setpriv")
	if err != nil || os.Geteuid() != 0 {
		t.Skip("only root can give the right up, with setpriv: ", err)
	}
	cmd := exec.Command(setpriv, "--bounding-set="+tracing, "--inh-caps="+tracing,
		os.Args[0], "-test.run", "^TestUsageNamesTheSource", "-test.v")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Source:"+sourceRSS) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestFunctionsOfARootPlatformAreNotRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("the test does not run as root")
	}
	sb := loaded(t, New(Config{}), "import os\ndef handler(e, c):\n"+
		"    return {'uid': os.getuid(), 'gid': os.getgid(), 'groups': os.getgroups()}\n")
	var got struct {
		UID, GID uint32
		Groups   []int
	}
	if err := json.Unmarshal([]byte(runtimetest.Reply(t, sb, "{}")), &got); err != nil {
		t.Fatal(err)
	}
	if got.UID < FirstUID || got.GID != got.UID || len(got.Groups) != 0 {
		t.Errorf("the function runs as %+v", got)
	}
}

func TestAnUnreadablePackageIsSentAlong(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/index.py", []byte("def handler(e, c):\n    return __file__\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := New(Config{})
	t.Cleanup(func() { b.Close() })
	sb := booted(t, b, isolation.Python)
	fn := isolation.Function{Name: "f", Handler: "index.handler", Package: dir}
	if err := sb.Import(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
	t.Log(runtimetest.Reply(t, sb, "{}"))
}
