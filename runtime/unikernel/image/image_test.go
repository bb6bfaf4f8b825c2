package image

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/rootfs"
)

func small(t testing.TB) []byte {
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "a"), bytes.Repeat([]byte("x"), 5000), 0o755)
	os.Symlink("a", filepath.Join(dir, "link"))
	os.Symlink("nowhere", filepath.Join(dir, "dangling"))
	var b rootfs.Tree
	if err := b.AddTree(dir, nil); err != nil {
		t.Fatal(err)
	}
	b.AddFile("/etc/hosts", 0o644, []byte("127.0.0.1 localhost\n"))
	b.AddFile("/link", 0o644, []byte(filepath.Join(dir, "link")))
	var out bytes.Buffer
	if _, err := Write(&out, &b); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestReaderFindsWhatTheBuilderWrote(t *testing.T) {
	data := small(t)
	im, err := NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := im.ReadFile("/etc/hosts"); err != nil || string(got) != "127.0.0.1 localhost\n" {
		t.Errorf("/etc/hosts: %q, %v", got, err)
	}
	name, err := im.ReadFile("/link")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := im.ReadFile(string(name)); err != nil || len(got) != 5000 {
		t.Errorf("through a link: %d bytes, %v", len(got), err)
	}
	for _, p := range []string{"/nothing", "/etc/hosts/x", "/etc"} {
		if _, err := im.ReadFile(p); err == nil {
			t.Errorf("%s was read", p)
		}
	}
}

func TestCacheReplacesADamagedImage(t *testing.T) {
	dir := t.TempDir()
	b := new(rootfs.Tree)
	b.AddFile("/a", 0o644, bytes.Repeat([]byte("content"), 3000))
	f, err := Cached(dir, b)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	data, _ := os.ReadFile(f.Name())
	data[len(data)-10] ^= 1
	if err := os.WriteFile(f.Name(), data, 0o644); err != nil {
		t.Fatal(err)
	}
	if g, err := os.Open(f.Name()); err != nil {
		t.Fatal(err)
	} else if err := Verify(g); !errors.Is(err, ErrBroken) {
		t.Errorf("an altered byte passes: %v", err)
	}
	if f, err = Cached(dir, b); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := Verify(f); err != nil {
		t.Error(err)
	}
}

func TestInterpreterImagesAreWholeAndSound(t *testing.T) {
	for _, lang := range []isolation.Language{isolation.NodeJS, isolation.Python} {
		t.Run(string(lang), func(t *testing.T) {
			in, err := isolation.FindInterpreter(context.Background(), string(lang))
			if err != nil {
				t.Skip(err)
			}
			b, err := rootfs.ForInterpreter(context.Background(), in)
			if err != nil {
				t.Fatal(err)
			}
			f, err := Cached(t.TempDir(), b)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			st, _ := f.Stat()
			im, err := NewReader(f, st.Size())
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(in.Path)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := im.ReadFile(in.Path); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes of %d, %v", in.Path, len(got), len(want), err)
			}
		})
	}
}

// Whatever the bytes, the reader refuses them or serves every path without a
// fault.
func FuzzReader(f *testing.F) {
	data := small(f)
	f.Add(data)
	f.Add(data[:pageSize])
	f.Fuzz(func(t *testing.T, data []byte) {
		im, err := NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			if !errors.Is(err, ErrBroken) {
				t.Fatalf("refused without naming the cause: %v", err)
			}
			return
		}
		for _, e := range im.entries {
			im.ReadFile("/" + e.name)
		}
	})
}
