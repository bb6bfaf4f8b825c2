package unikernel

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
	"github.com/lambdabench/lambdabench/runtime/unikernel/guest"
)

// sums are functions that say what the files beside them are.
var sums = map[isolation.Language]string{
	isolation.NodeJS: `
const fs = require('fs'), path = require('path'), { createHash } = require('crypto');
exports.handler = async () => Object.fromEntries(fs.readdirSync(__dirname, { recursive: true, withFileTypes: true })
  .filter((e) => e.isFile()).map((e) => path.join(e.path, e.name))
  .map((f) => [path.relative(__dirname, f), createHash('sha256').update(fs.readFileSync(f)).digest('hex') + ' '
    + (fs.statSync(f).mode & 0o777).toString(8)]));
`,
	isolation.Python: `
import hashlib, os
def handler(event, context):
    here, out = os.path.dirname(os.path.abspath(__file__)), {}
    for at, dirs, files in os.walk(here):
        dirs[:] = [d for d in dirs if d != "__pycache__"]
        for f in files:
            p = os.path.join(at, f)
            out[os.path.relpath(p, here)] = "%s %o" % (
                hashlib.sha256(open(p, "rb").read()).hexdigest(), os.stat(p).st_mode & 0o777)
    return out
`,
}

func TestFunctionFindsItsWholePackage(t *testing.T) {
	for lang, source := range sums {
		t.Run(string(lang), func(t *testing.T) {
			be := newBackend(t, Config{})
			sb := deployed(t, be, baseSnapshot(t, be, lang, nil))
			defer sb.Close()
			fn := function(t, lang, source)
			want := map[string]string{}
			for i, n := range []int{0, 1, 4095, 70000, 300000, 2 << 20} {
				name, mode := fmt.Sprintf("lib/%d/data é.bin", i), os.FileMode(0o644)
				if i%2 == 1 {
					mode = 0o755
				}
				put(t, filepath.Join(fn.Package, name), bytes.Repeat([]byte{byte(i + 1)}, n), mode)
			}
			for i := range 1500 {
				put(t, filepath.Join(fn.Package, fmt.Sprintf("node_modules/m%d/deep/er/index", i)), fmt.Append(nil, i),
					0o600)
			}
			err := filepath.WalkDir(fn.Package, func(path string, d os.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				b, err := os.ReadFile(path)
				info, _ := d.Info()
				rel, _ := filepath.Rel(fn.Package, path)
				sum := sha256.Sum256(b)
				want[rel] = fmt.Sprintf("%s %o", hex.EncodeToString(sum[:]), info.Mode().Perm())
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := sb.Import(t.Context(), fn); err != nil {
				t.Fatal(err)
			}
			var got map[string]string
			if err := json.Unmarshal(runtimetest.Invoke(t, sb, "{}").Payload, &got); err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(got, want) {
				t.Errorf("%d files, want %d; or they differ", len(got), len(want))
			}
		})
	}
}

func put(t *testing.T, path string, b []byte, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, mode); err != nil {
		t.Fatal(err)
	}
}

func TestPackageLargerThanTheMemoryLimitIsRefused(t *testing.T) {
	be := newBackend(t, Config{})
	base := baseSnapshot(t, be, isolation.NodeJS, nil)
	sb := deployed(t, be, base)
	defer sb.Close()
	fn := function(t, isolation.NodeJS, nopSource[isolation.NodeJS])
	put(t, filepath.Join(fn.Package, "large"), nil, 0o644)
	if err := os.Truncate(filepath.Join(fn.Package, "large"), 160<<20); err != nil {
		t.Fatal(err)
	}
	fn.Limits.MemoryBytes = 128 << 20
	err := sb.Import(t.Context(), fn)
	var fe *isolation.FunctionError
	if !errors.As(err, &fe) || fe.Type != isolation.TypeOutOfMemory ||
		!strings.Contains(fe.Message, "package does not fit") {
		t.Errorf("import gave %v", err)
	}
	other := deployed(t, be, base)
	defer other.Close()
	if err := other.Import(t.Context(), function(t, isolation.NodeJS, nopSource[isolation.NodeJS])); err != nil {
		t.Error(err)
	}
}

func TestMalformedFilesEndTheUC(t *testing.T) {
	be := newBackend(t, Config{})
	base := baseSnapshot(t, be, isolation.Python, nil)
	good := abi.AppendFile(nil, abi.File{Mode: 0o644, Size: 1}, "f", []byte("x"))
	for name, c := range map[string]struct {
		payload []byte
		says    string
	}{
		"outside of the package": {abi.AppendFile(nil, abi.File{}, "../f", nil),
			"a file of the package has a name that cannot be"},
		"absolute": {abi.AppendFile(nil, abi.File{}, "/f", nil),
			"a file of the package has a name that cannot be"},
		"no name": {abi.AppendFile(nil, abi.File{}, "", nil),
			"a file of the package has a name that cannot be"},
		"file as directory": {append(bytes.Clone(good), abi.AppendFile(nil, abi.File{}, "f/g", nil)...),
			"a file of the package has a name that cannot be"},
		"short header":  {good[:abi.FileSize-8], "malformed file of the package"},
		"short content": {good[:abi.FileSize], "malformed file of the package"},
		"long name": {abi.AppendFile(nil, abi.File{}, strings.Repeat("n", 5000), nil),
			"malformed file of the package"},
	} {
		t.Run(name, func(t *testing.T) {
			sb := deployed(t, be, base).(*sandbox)
			defer sb.Close()
			if err := sb.live.channel.Send(abi.Msg{Type: abi.Files, Len: uint32(len(c.payload))},
				c.payload); err != nil {
				t.Fatal(err)
			}
			var exit *guest.Exit
			runtimetest.Eventually(t, "the UC ends", func() bool { exit = sb.live.channel.Exit(); return exit != nil })
			if exit.Code != abi.ExitRefused || exit.Why != c.says {
				t.Errorf("it said %d, %q", exit.Code, exit.Why)
			}
		})
	}
}
