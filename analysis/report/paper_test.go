package report

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/analysis/summary"
)

func emptyPaper(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("# By hand\n")
	for _, name := range Blocks() {
		b.WriteString("\nprose on " + name + "\n<!-- lambdabench:begin " + name + " -->\n<!-- lambdabench:end " + name +
			" -->\n")
	}
	path := filepath.Join(t.TempDir(), "PAPER.md")
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFillingAPaperTwiceChangesNothing(t *testing.T) {
	r := report(t)
	path := emptyPaper(t)
	var texts []string
	for range 2 {
		if err := FillPaper(path, r.summary, r.dir); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(b))
	}
	if texts[0] != texts[1] {
		t.Error("the second filling changed the text")
	}
	for _, want := range []string{"# By hand", "prose on burst", "| unikernel", "SEUSS paper, 16 cores 88 GB",
		"deploy-ecdf-nodejs20.x.png", "Not measured in this run.", "git checkout"} {
		if !strings.Contains(texts[0], want) {
			t.Errorf("no %q in the paper", want)
		}
	}
	link := texts[0][strings.Index(texts[0], "](")+2:]
	link = link[:strings.Index(link, ")")]
	if _, err := os.Stat(filepath.Join(filepath.Dir(path), filepath.FromSlash(link))); err != nil ||
		filepath.IsAbs(link) {
		t.Errorf("link %q: %v", link, err)
	}
}

func TestMarkersThatAreWrongAreNamedAndNothingIsWritten(t *testing.T) {
	good, err := os.ReadFile(emptyPaper(t))
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- lambdabench:begin deploy -->\n", "<!-- lambdabench:end deploy -->\n"
	last := Blocks()[len(Blocks())-1]
	for _, c := range []struct {
		name, text, want string
		is               error
	}{
		{"missing", strings.Replace(string(good), begin+end, "", 1), "deploy", ErrMarker},
		{"twice", string(good) + begin + end, "deploy begins a second time", ErrMarker},
		{"no end", strings.Replace(string(good), end, "", 1), "deploy has ended", ErrMarker},
		{"no begin", strings.Replace(string(good), begin, "", 1), "deploy ends but", ErrMarker},
		{"last has no end", strings.Replace(string(good), "<!-- lambdabench:end "+last+" -->\n", "", 1),
			last + " begins but", ErrMarker},
		{"unknown", string(good) + "<!-- lambdabench:begin depoly -->\n", "depoly", ErrUnknown},
	} {
		path := filepath.Join(t.TempDir(), "PAPER.md")
		if err := os.WriteFile(path, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		err := FillPaper(path, &summary.Summary{}, t.TempDir())
		if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if after, _ := os.ReadFile(path); string(after) != c.text {
			t.Errorf("%s: the file was changed", c.name)
		}
	}
}

func TestTheProjectsPaperHasAllMarkers(t *testing.T) {
	text, err := os.ReadFile("../../PAPER.md")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := findBlocks(text, Blocks()); err != nil {
		t.Error(err)
	}
}

func FuzzFindBlocks(f *testing.F) {
	f.Add("<!-- lambdabench:begin deploy -->\nx\n<!-- lambdabench:end deploy -->\n")
	f.Fuzz(func(t *testing.T, text string) {
		blocks, err := findBlocks([]byte(text), Blocks())
		if err == nil && len(blocks) != len(Blocks()) {
			t.Errorf("%d blocks and no error", len(blocks))
		}
	})
}
