package driver

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// process is a driver file run directly, with its channel.
type process struct {
	cmd     *exec.Cmd
	channel *os.File
	log     *LogPipe
}

func startDriver(t *testing.T, lang isolation.Language) *process {
	t.Helper()
	in, err := isolation.FindInterpreter(context.Background(), string(lang))
	if err != nil {
		t.Skip(err)
	}
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	name, src, err := Source(lang)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, src, 0o644); err != nil {
		t.Fatal(err)
	}
	syscall.SetNonblock(fds[0], true)
	log, w, err := NewLogPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	channel := os.NewFile(uintptr(fds[0]), "channel")
	p := &process{cmd: exec.Command(in.Path, Args(lang, path)...), channel: channel, log: log}
	child := os.NewFile(uintptr(fds[1]), "child")
	p.cmd.ExtraFiles = []*os.File{child}
	p.cmd.Stdout, p.cmd.Stderr = w, w
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	child.Close()
	p.channel.SetDeadline(time.Now().Add(time.Minute))
	t.Cleanup(func() {
		p.channel.Close()
		p.cmd.Process.Kill()
		p.cmd.Wait()
		p.log.Close()
	})
	return p
}

// ends waits for the driver to end by itself.
func (p *process) ends() error {
	timer := time.AfterFunc(time.Minute, func() { p.cmd.Process.Kill() })
	defer timer.Stop()
	return p.cmd.Wait()
}

var changing = regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z|"pid": ?\d+|"version": ?"[^"]*"|"language": ?"[^"]*"`)

// converse sends requests one after the other and writes down what comes back.
func (p *process) converse(t *testing.T, requests ...[]byte) string {
	t.Helper()
	var said strings.Builder
	for i := -1; i < len(requests); i++ {
		if i >= 0 {
			if _, err := p.channel.Write(requests[i]); err != nil {
				t.Fatal(err)
			}
		}
		h, payload, err := readFrame(p.channel)
		if err != nil {
			t.Fatalf("after %q: %v, log %s", said.String(), err, p.log.Peek())
		}
		text := changing.ReplaceAllString(string(payload), "…")
		if h.Flags&FlagError != 0 { // stacks differ between versions
			var fe isolation.FunctionError
			if err := json.Unmarshal(payload, &fe); err != nil {
				t.Fatal(err)
			}
			text = fe.Error()
		}
		log, _ := p.log.Printed()
		for line := range strings.Lines(changing.ReplaceAllString(string(log), "…")) {
			line, _, _ = strings.Cut(strings.TrimSuffix(line, "\n"), "\r")
			line, _, _ = strings.Cut(line, "{")
			fmt.Fprintf(&said, "log %s\n", line)
		}
		fmt.Fprintf(&said, "type %d flags %d seq %d %s\n", h.Type, h.Flags, h.Seq, strings.ReplaceAll(text, " ", ""))
	}
	return said.String()
}

func TestProtocolOfTheDriverFiles(t *testing.T) {
	sources := map[isolation.Language]string{
		isolation.NodeJS: "exports.handler = async (e) => {\n" +
			"  if (e === 'bad') throw new TypeError('bad');\n  console.log('seen');\n  return e;\n}",
		isolation.Python: "def handler(e, c):\n" +
			"    if e == 'bad': raise TypeError('bad')\n    print('seen')\n    return e\n",
	}
	log := map[isolation.Language]string{isolation.NodeJS: "…\tr\tINFO\tseen", isolation.Python: "seen"}
	failure := map[isolation.Language]string{
		isolation.NodeJS: "…\tr\tERROR\tInvoke Error \t", isolation.Python: "[ERROR] TypeError: bad",
	}
	unknownStep := map[isolation.Language]string{isolation.NodeJS: "Error", isolation.Python: "ValueError"}
	for lang, source := range sources {
		t.Run(string(lang), func(t *testing.T) {
			meta := func(v any) []byte { b, _ := json.Marshal(v); return b }
			name, file := "index.js", source
			if lang == isolation.Python {
				name = "index.py"
			}
			code := importRequest{
				Root: filepath.Join(t.TempDir(), "task"), Handler: "index.handler", Name: "f",
				Files: []File{{Path: name, Size: int64(len(file)), Mode: 0o644}},
			}
			invoke := func(seq uint32, event string) []byte {
				h := Header{Type: TypeInvoke, Seq: seq}
				return appendFrame(nil, h, nil, []byte(`{"id":"r","deadline":0}`), []byte(event))
			}
			if err := os.Mkdir(code.Root, 0o755); err != nil {
				t.Fatal(err)
			}
			training, err := trainingFunctions(lang, nil)
			if err != nil {
				t.Fatal(err)
			}
			cloned := appendFrame(nil, Header{Type: TypeInvoke, Flags: FlagCloned, Seq: 6}, identity(1234),
				[]byte(`{"id":"r","deadline":0}`), []byte(`3`))
			got := startDriver(t, lang).converse(t,
				frame(Header{Type: TypePrepare, Seq: 1}, string(meta(prepareRequest{
					Steps: []string{isolation.StepInterpreter, isolation.StepGC}, Training: training,
				}))),
				frame(Header{Type: TypePrepare, Seq: 2}, `{"steps":["nonsense"]}`),
				appendFrame(nil, Header{Type: TypeImport, Seq: 3}, nil, meta(code), []byte(file)),
				invoke(4, `{"a":"é"}`), invoke(5, `"bad"`), cloned,
				append(invoke(7, `7`), invoke(8, `8`)...)) // two with one write
			want := fmt.Sprintf(`type 65 flags 0 seq 0 {"protocol":2,…,…,…}
type 68 flags 0 seq 1 
type 68 flags 1 seq 2 %s:unknownstep'nonsense'
type 66 flags 0 seq 3 
log %s
type 67 flags 0 seq 4 {"a":"é"}
log %s
type 67 flags 1 seq 5 TypeError:bad
log %[2]s
type 67 flags 0 seq 6 3
log %[2]s
type 67 flags 0 seq 7 7
`, unknownStep[lang], log[lang], failure[lang])
			if lang == isolation.Python {
				got = strings.ReplaceAll(got, `\u00e9`, "é")
			}
			// The second of the two may have printed already.
			got = strings.ReplaceAll(got, strings.Repeat("log "+log[lang]+"\n", 2), "log "+log[lang]+"\n")
			if got != want {
				t.Errorf("the driver said\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestDriversRefuseMalformedFrames(t *testing.T) {
	var huge [HeaderSize]byte
	Header{Type: TypeInvoke, Length: MaxFrameBytes + 1}.Put(huge[:])
	cases := map[string]struct {
		sent []byte
		says string
	}{
		"over the limit": {huge[:], "driver: frame of 6356993 bytes refused"},
		"unknown type":   {frame(Header{Type: 99}, ""), "driver: unknown frame type 99"},
		"no JSON":        {frame(Header{Type: TypeInvoke}, "\xff\xff\xff\x7f"), "driver: request without its JSON"},
		"nameless clone": {frame(Header{Type: TypeInvoke, Flags: FlagCloned}, "short"),
			"driver: clone without its identity"},
	}
	for _, lang := range []isolation.Language{isolation.NodeJS, isolation.Python} {
		for name, c := range cases {
			t.Run(string(lang)+"/"+name, func(t *testing.T) {
				p := startDriver(t, lang)
				if _, _, err := readFrame(p.channel); err != nil {
					t.Fatal(err)
				}
				p.channel.Write(c.sent)
				if err := p.ends(); err == nil || err.Error() != "exit status 70" ||
					strings.TrimSpace(string(p.log.Peek())) != c.says {
					t.Errorf("ended with %v, said %q; want status 70 and %q", err, p.log.Peek(), c.says)
				}
			})
		}
	}
}

func TestDriversEndWithTheirChannel(t *testing.T) {
	for _, lang := range []isolation.Language{isolation.NodeJS, isolation.Python} {
		t.Run(string(lang), func(t *testing.T) {
			p := startDriver(t, lang)
			if _, _, err := readFrame(p.channel); err != nil {
				t.Fatal(err)
			}
			p.channel.Close()
			if err := p.ends(); err != nil {
				t.Errorf("ended with %v", err)
			}
			if _, err := p.channel.Read(nil); err == nil || err == io.EOF {
				t.Error("the channel is open")
			}
		})
	}
}
