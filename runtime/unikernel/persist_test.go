package unikernel

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
	"github.com/lambdabench/lambdabench/runtime/unikernel/snapshot"
)

func TestSavedStackServesInAnotherPlatform(t *testing.T) {
	for _, lang := range []isolation.Language{isolation.NodeJS, isolation.Python} {
		t.Run(string(lang), func(t *testing.T) {
			var files [2]bytes.Buffer
			first := newBackend(t, Config{})
			base := baseSnapshot(t, first, lang, steps)
			for i, s := range []isolation.Snapshot{base, functionSnapshot(t, first, base,
				function(t, lang, nopSource[lang]))} {
				if _, err := first.Save(s, &files[i]); err != nil {
					t.Fatal(err)
				}
			}
			t.Logf("files of %d and %d KB", files[0].Len()>>10, files[1].Len()>>10)
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
			second := newBackend(t, Config{})
			in := runtimetest.Interpreter(t, lang)
			if _, err := second.Load(t.Context(), bytes.NewReader(files[1].Bytes()), in, nil); !errors.Is(err,
				snapshot.ErrMismatch) {
				t.Errorf("a function's snapshot without its parent: %v", err)
			}
			loaded, err := second.Load(t.Context(), bytes.NewReader(files[0].Bytes()), in, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer loaded.Close()
			fn, err := second.Load(t.Context(), bytes.NewReader(files[1].Bytes()), in, loaded)
			if err != nil {
				t.Fatal(err)
			}
			defer fn.Close()
			sb := deployed(t, second, fn)
			defer sb.Close()
			if res := runtimetest.Invoke(t, sb, `{"a":1}`); strings.ReplaceAll(string(res.Payload), " ",
				"") != `{"a":1}` {
				t.Errorf("%+v %v", res, res.Error)
			}
			refusals(t, second, in, files[0].Bytes())
		})
	}
}

// refusals: files that were damaged, or made elsewhere.
func refusals(t *testing.T, b *Backend, in isolation.Interpreter, good []byte) {
	load := func(r io.Reader) error {
		s, err := b.Load(t.Context(), r, in, nil)
		if err == nil {
			s.Close()
		}
		return err
	}
	if err := load(bytes.NewReader(good[:len(good)/2])); !errors.Is(err, snapshot.ErrBroken) {
		t.Errorf("half a file: %v", err)
	}
	bad := bytes.Clone(good)
	bad[len(bad)/2] ^= 1
	if err := load(bytes.NewReader(bad)); !errors.Is(err, snapshot.ErrBroken) {
		t.Errorf("an altered file: %v", err)
	}
	here, err := b.identity(in)
	if err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*snapshot.Header){
		"ABI":                    func(h *snapshot.Header) { h.ABI++ },
		"library OS":             func(h *snapshot.Header) { h.LibOS = "other" },
		"runtime":                func(h *snapshot.Header) { h.Version = "0.0.1" },
		"file image":             func(h *snapshot.Header) { h.Image = "other" },
		"XSAVE":                  func(h *snapshot.Header) { h.XSave += 64 },
		"parent":                 func(h *snapshot.Header) { h.Parent = "0123" },
		"this CPU lacks quantum": func(h *snapshot.Header) { h.CPU = append(append([]string{}, h.CPU...), "quantum") },
	} {
		h := here
		change(&h)
		var file bytes.Buffer
		if _, err := snapshot.Write(&file, h, nil, nil); err != nil {
			t.Fatal(err)
		}
		if err := load(&file); !errors.Is(err, snapshot.ErrMismatch) || !strings.Contains(err.Error(), what) {
			t.Errorf("another %s: %v", what, err)
		}
	}
}
