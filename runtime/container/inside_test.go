package container

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// look reports what a function sees of its surroundings.
const look = `
import os, socket, urllib.request

def attempt(f):
    try:
        return str(f())
    except OSError as e:
        return os.strerror(e.errno) if e.errno else str(e)

def write(path):
    with open(path, "w") as f:
        f.write("x")
    return "written"

def handler(event, context):
    status = dict(l.split(":\t", 1) for l in open("/proc/self/status").read().splitlines() if ":\t" in l)
    return {
        "namespaces": {n: attempt(lambda: os.readlink("/proc/self/ns/" + n))
                       for n in ("pid", "mnt", "ipc", "uts", "net", "user", "cgroup")},
        "status": {k: status[k] for k in ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp")},
        "uid": os.getuid(),
        "root": sorted(os.listdir("/")),
        "interfaces": [n for _, n in socket.if_nameindex()],
        "tmp": attempt(lambda: write("/tmp/x")),
        "layer": attempt(lambda: write("/x")),
        "image": attempt(lambda: write("/etc/passwd")),
        "driver": attempt(lambda: write("/opt/lambdabench/driver.py")),
        "sysctl": attempt(lambda: write("/proc/sys/kernel/hostname")),
        "kcore": attempt(lambda: len(open("/proc/kcore").read())),
        "get": attempt(lambda: urllib.request.urlopen(event["url"], timeout=5).read()) if event.get("url") else "",
    }
`

type seen struct {
	Namespaces, Status                            map[string]string
	UID                                           int
	Root, Interfaces                              []string
	Tmp, Layer, Image, Driver, Sysctl, Kcore, Get string
}

func lookAround(t *testing.T, sb isolation.Sandbox, url string) (s seen) {
	t.Helper()
	if err := json.Unmarshal([]byte(runtimetest.Reply(t, sb, fmt.Sprintf(`{"url":%q}`, url))), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSandboxSharesNothingWithTheHost(t *testing.T) {
	eachFamily(t, func(t *testing.T, family string) {
		b := open(t, Config{OCI: family})
		s := lookAround(t, load(t, b, look), "")
		for name, inside := range s.Namespaces {
			if host, err := os.Readlink("/proc/self/ns/" + name); err != nil || host == inside {
				t.Errorf("namespace %s is the host's (%s, %v)", name, inside, err)
			}
		}
		want := map[string]string{
			"CapEff": "0000000000000000", "CapBnd": "0000000000000000", "NoNewPrivs": "1", "Seccomp": "2",
		}
		if b.OwnsKernel() { // the filter is around the kernel; the profile is for calls of the host
			want["Seccomp"] = "0"
		}
		for key, value := range want {
			if s.Status[key] != value {
				t.Errorf("%s is %s, want %s", key, s.Status[key], value)
			}
		}
		for _, name := range s.Root {
			if !strings.Contains(" dev etc lib lib64 opt proc run sys tmp usr var x ", " "+name+" ") {
				t.Errorf("/%s is in the sandbox", name)
			}
		}
		if s.Tmp != "written" {
			t.Errorf("writing to /tmp: %s", s.Tmp)
		}
		if b.workshop != nil && s.Layer != "written" {
			t.Errorf("writing to the root directory: %s", s.Layer)
		}
		for what, got := range map[string]string{
			"/etc/passwd": s.Image, "the driver": s.Driver, "/proc/sys": s.Sysctl,
		} {
			if got == "written" {
				t.Errorf("%s could be written", what)
			}
		}
		if s.Kcore != "0" && s.Kcore != "No such file or directory" { // not every kernel has it
			t.Errorf("/proc/kcore is not masked: %s", s.Kcore)
		}
	})
}

func TestWritableLayersAreSeparate(t *testing.T) {
	eachFamily(t, func(t *testing.T, family string) {
		b := open(t, Config{OCI: family})
		const source = `
import os
def handler(event, context):
    before = [p for p in ("/mark", "/tmp/mark", "/var/task/mark") if os.path.exists(p)]
    for p in ("/tmp/mark", "/var/task/mark"):
        open(p, "w").close()
    return before
`
		for range 2 {
			if got := runtimetest.Reply(t, load(t, b, source), "{}"); got != "[]" {
				t.Errorf("a new sandbox has another's %s", got)
			}
		}
	})
}

func TestNetworks(t *testing.T) {
	server := func(t *testing.T, addr string) string {
		l, err := net.Listen("tcp", net.JoinHostPort(addr, "0"))
		if err != nil {
			t.Fatal(err)
		}
		s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "from the host")
		})}
		go s.Serve(l)
		t.Cleanup(func() { s.Close() })
		return "http://" + l.Addr().String()
	}
	eachFamily(t, func(t *testing.T, family string) {
		for _, c := range []struct {
			name string
			cfg  Config
		}{
			{"bridge", Config{Network: NetworkBridge}},
			{"bridge with a pool", Config{Network: NetworkBridge, NetworkPool: 3}},
			{"host", Config{Network: NetworkHost}},
		} {
			t.Run(c.name, func(t *testing.T) {
				c.cfg.OCI = family
				b := open(t, c.cfg)
				addr, err := b.HostAddress(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				url := server(t, addr)
				for range 2 {
					if s := lookAround(t, load(t, b, look), url); s.Get != "b'from the host'" {
						t.Errorf("a request to the host gave %s (interfaces %v)", s.Get, s.Interfaces)
					}
				}
			})
		}
		t.Run("none", func(t *testing.T) {
			b := open(t, Config{OCI: family, Network: NetworkNone})
			s := lookAround(t, load(t, b, look), server(t, "127.0.0.1"))
			if len(s.Interfaces) != 1 || strings.Contains(s.Get, "from the host") {
				t.Errorf("without a network there are %v, and a request gives %s", s.Interfaces, s.Get)
			}
		})
	})
}

func TestEachNetworkThatABackendNamesCanBeHad(t *testing.T) {
	eachFamily(t, func(t *testing.T, family string) {
		b := open(t, Config{OCI: family, Network: NetworkNone})
		interfaces := map[string]int{string(NetworkNone): 1, string(NetworkBridge): 2, NetworkPooled: 2}
		for _, name := range b.Networks() {
			on, err := b.OnNetwork(name)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := on.Close(); err != nil {
					t.Error(err)
				}
			})
			s := lookAround(t, load(t, on.(*Backend), look), "")
			if want := interfaces[name]; want > 0 && len(s.Interfaces) != want { // the host has any number
				t.Errorf("on network %s there are %v", name, s.Interfaces)
			}
		}
		if _, err := b.OnNetwork("moon"); err == nil {
			t.Error("there is a network moon")
		}
	})
}

func TestNumberOfContainersIsBounded(t *testing.T) {
	b := open(t, Config{OCI: "crun", Max: 2})
	first := boot(t, b, isolation.Limits{})
	boot(t, b, isolation.Limits{})
	in := runtimetest.Interpreter(t, isolation.Python)
	if _, err := b.Boot(t.Context(), isolation.BootSpec{Interpreter: in}); !errors.Is(err, ErrFull) {
		t.Errorf("a third of 2 containers: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	boot(t, b, isolation.Limits{})
}

func TestLimitsAreReplacedAtImport(t *testing.T) {
	b := open(t, Config{OCI: "crun"})
	want := isolation.Limits{MemoryBytes: 128 << 20, CPUs: 0.5, Processes: 33}
	if err := b.CanLimit(want); err != nil {
		t.Skip(err)
	}
	sb := boot(t, b, isolation.Limits{MemoryBytes: 64 << 20, Processes: 20, CPUs: 1})
	fn := runtimetest.Function(t, isolation.Python, "def handler(e, c): pass\n")
	fn.Limits = want
	if err := sb.Import(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
	for what, files := range map[string]map[string]string{ // of whichever version the host has
		"memory": {
			"memory.limit_in_bytes": fmt.Sprint(want.MemoryBytes), "memory.max": fmt.Sprint(want.MemoryBytes),
		},
		"processes": {"pids.max": fmt.Sprint(want.Processes)},
		"CPU":       {"cpu.cfs_quota_us": "50000", "cpu.max": "50000 100000"},
	} {
		found := false
		for _, dir := range sb.group.Dirs() {
			for file, limit := range files {
				text, err := os.ReadFile(filepath.Join(dir, file))
				if err != nil {
					continue
				}
				if found = true; strings.TrimSpace(string(text)) != limit {
					t.Errorf("%s of %s is %s, want %s", file, what, text, limit)
				}
			}
		}
		if !found {
			t.Errorf("nothing limits the %s", what)
		}
	}
}
