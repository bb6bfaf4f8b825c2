package store

import (
	"archive/zip"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// linked makes an archive of name, content pairs. A content that begins with ->
// is the target of a symbolic link.
func linked(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		h := &zip.FileHeader{Name: files[i]}
		content, link := strings.CutPrefix(files[i+1], "->")
		if link {
			h.SetMode(fs.ModeSymlink | 0o777)
		}
		f, err := w.CreateHeader(h)
		if err == nil {
			_, err = f.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSymbolicLinksThatStayInsideAreKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "task")
	data := linked(t, "node_modules/.bin/tool", "->../tool/cli.js", "node_modules/tool/cli.js", "tool", "lib.so",
		"->lib.so.1", "lib.so.1", "->lib.so.1.2",
		"lib.so.1.2", "library", "all", "->node_modules", "all2", "->all/tool", "missing", "->not/there",
		"deep/er/link", "->../../lib.so")
	if err := extract(data, dir); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"node_modules/.bin/tool": "tool", "lib.so": "library",
		"all/tool/cli.js": "tool", "all2/cli.js": "tool", "deep/er/link": "library"} {
		if got, err := os.ReadFile(filepath.Join(dir, path)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	if target, err := os.Readlink(filepath.Join(dir, "missing")); err != nil || target != "not/there" {
		t.Errorf("%q, %v", target, err)
	}
}

func TestSymbolicLinksThatLeaveAreRefusedByName(t *testing.T) {
	for name, c := range map[string]struct {
		files []string
		says  string
	}{
		"absolute":           {[]string{"a", "->/etc/passwd"}, `"a"`},
		"parent":             {[]string{"a", "->../x"}, `"a"`},
		"hidden parent":      {[]string{"d/a", "->x/../../../y"}, `"d/a"`},
		"by way of another":  {[]string{"d/e/up", "->../..", "d/f", "->e/up/../x", "d/e/g", "x"}, `"d/f"`},
		"circle":             {[]string{"a", "->b", "b", "->a"}, "circle"},
		"no target":          {[]string{"a", "->"}, `"a"`},
		"long":               {[]string{"a", "->" + strings.Repeat("x/", 3000)}, `"a"`},
		"over a file":        {[]string{"a", "x", "a", "->b"}, "twice"},
		"a file through one": {[]string{"a", "->b", "a/f", "x", "b/g", "y"}, "twice"},
		"twice":              {[]string{"a", "->b", "a", "->c"}, "twice"},
	} {
		outer := t.TempDir()
		err := extract(linked(t, c.files...), filepath.Join(outer, "task"))
		if !errors.Is(err, ErrBadZip) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want ErrBadZip that says %s", name, err, c.says)
		}
		if found, _ := os.ReadDir(outer); len(found) > 1 {
			t.Errorf("%s: made outside of the directory: %v", name, found)
		}
	}
}

// BenchmarkExtractEmptyFiles is the time of a package of 30,000 empty files.
func BenchmarkExtractEmptyFiles(b *testing.B) {
	var files []string
	for i := range 30_000 {
		files = append(files, "d"+strconv.Itoa(i%100)+"/e/"+strconv.Itoa(i), "")
	}
	data, dir := linked(b, files...), b.TempDir()
	if path := os.Getenv("LAMBDABENCH_KEEP_ZIP"); path != "" { // to compare with unzip
		if err := os.WriteFile(path, data, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	i := 0
	for b.Loop() {
		i++
		if err := extract(data, filepath.Join(dir, strconv.Itoa(i))); err != nil {
			b.Fatal(err)
		}
	}
}
