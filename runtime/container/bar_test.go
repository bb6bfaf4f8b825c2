package container

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// BenchmarkStartAgainstShell measures Boot to the first reply, and the same
// bundle started from a shell with the OCI runtime's run command, in turn. The
// shell's side has its root file system mounted beforehand and no veth pair to
// make.
func BenchmarkStartAgainstShell(b *testing.B) {
	for _, family := range []string{"crun", "runc"} {
		for _, lang := range []isolation.Language{isolation.NodeJS, isolation.Python} {
			b.Run(family+"/"+string(lang), func(b *testing.B) { startAgainstShell(b, family, lang) })
		}
	}
}

func startAgainstShell(b *testing.B, family string, lang isolation.Language) {
	be := open(b, Config{OCI: family})
	in := runtimetest.Interpreter(b, lang)
	source := "def handler(e, c): pass\n"
	if lang == isolation.NodeJS {
		source = "exports.handler = async () => null"
	}
	fn := runtimetest.Function(b, lang, source)
	var ours, shells []float64
	for b.Loop() {
		ours = append(ours, bootToReply(b, be, in, fn))
		shells = append(shells, shellToReply(b, be, in, fn))
	}
	median := func(v []float64) float64 { slices.Sort(v); return v[len(v)/2] }
	b.ReportMetric(median(ours), "ms-boot")
	b.ReportMetric(median(shells), "ms-shell")
	b.ReportMetric(median(ours)/median(shells), "ratio")
}

func bootToReply(b *testing.B, be *Backend, in isolation.Interpreter, fn isolation.Function) float64 {
	start := time.Now()
	sb, err := be.Boot(b.Context(), isolation.BootSpec{Interpreter: in})
	if err != nil {
		b.Fatal(err)
	}
	if err := sb.Import(b.Context(), fn); err != nil {
		b.Fatal(err)
	}
	runtimetest.Reply(b, sb, "{}")
	took := time.Since(start)
	if err := sb.Close(); err != nil {
		b.Fatal(err)
	}
	return took.Seconds() * 1000
}

func shellToReply(b *testing.B, be *Backend, in isolation.Interpreter, fn isolation.Function) float64 {
	s, channel := shellBundle(b, be, in)
	defer s.Close()
	cmd := exec.Command("/bin/sh", "-c", `exec "$0" "$@"`, be.home.path, "--root", be.home.ociRoot(), "run",
		"--no-new-keyring", "--preserve-fds", "1", "--bundle", s.dir, s.id)
	cmd.ExtraFiles = []*os.File{channel}
	cmd.Stderr = &s.output
	start := time.Now()
	if err := be.workshop.do(cmd.Start); err != nil {
		b.Fatal(err)
	}
	channel.Close()
	session, _, err := driver.Open(b.Context(), s.conn)
	if err != nil {
		b.Fatalf("%v: %s", err, s.output.bytes())
	}
	code, err := driver.PackCode(fn.Package, driver.TaskRoot)
	if err == nil {
		err = session.Import(b.Context(), code, fn)
	}
	if err != nil {
		b.Fatal(err)
	}
	inv := isolation.Invocation{ID: "1", Payload: []byte("{}"), Deadline: time.Now().Add(time.Minute)}
	res, err := session.Invoke(b.Context(), inv)
	if err != nil || res.Outcome != isolation.OK {
		b.Fatalf("%+v, %v", res, err)
	}
	took := time.Since(start)
	session.Close()
	cmd.Wait() // the driver ends with its stream
	return took.Seconds() * 1000
}

// shellBundle puts a bundle together as make does, up to where a shell takes
// over. The network namespace is attached already.
func shellBundle(b *testing.B, be *Backend, in isolation.Interpreter) (*sandbox, *os.File) {
	img, err := be.image(context.Background(), in)
	if err != nil {
		b.Fatal(err)
	}
	s, err := be.register()
	if err == nil {
		err = os.Mkdir(s.dir, 0o711)
	}
	if err == nil {
		err = s.makeGroup(isolation.Limits{})
	}
	if err == nil {
		s.endpoint, err = be.bridge.newEndpoint()
	}
	if err == nil {
		err = s.endpoint.attach()
	}
	if err == nil {
		err = be.workshop.do(func() error { return s.layer.mount(img.Root, be.cfg.FirstUID) })
	}
	conn, channel, err2 := driver.SocketPair()
	if err != nil || err2 != nil {
		b.Fatal(err, err2)
	}
	s.conn = conn
	bundle := be.bundle(img)
	bundle.netns, bundle.rootfs = s.endpoint.path(), s.layer.rootfs()
	bundle.cgroup = filepath.Join(s.group.Path(), innerGroup)
	if err := bundle.write(s.dir); err != nil {
		b.Fatal(err)
	}
	return s, channel
}
