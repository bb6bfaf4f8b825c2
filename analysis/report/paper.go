package report

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// Errors of FillPaper and FillReadme; compare with errors.Is.
var (
	ErrMarker  = errors.New("a marker is missing, out of place or there twice")
	ErrUnknown = errors.New("no such block")
)

// Blocks are what FillPaper fills in, each between a pair of markers
//
//	<!-- lambdabench:begin NAME -->
//	<!-- lambdabench:end NAME -->
//
// alone on their lines. Those named after an experiment hold its figures and
// tables; trace has none, as its calls are in a file of the user's.
func Blocks() []string {
	all := append([]string{"machine", "warnings", "shape", "reproduce"}, summary.ExperimentOrder...)
	return slices.DeleteFunc(all, func(name string) bool { return name == record.ExperimentTrace })
}

// FillPaper writes a run's tables and figures into the marked blocks of a Markdown file and
// leaves the rest of the file as it is. Filling twice changes nothing. Every block of Blocks
// must be there once; links to figures are relative to the file.
func FillPaper(path string, s *summary.Summary, runDir string) error {
	tables, err := AllTables(s)
	if err != nil {
		return err
	}
	figures, err := linkFigures(filepath.Dir(path), runDir)
	if err != nil {
		return err
	}
	return fill(path, Blocks(), func(name string) (string, error) {
		return blockText(name, s, runDir, tables, figures)
	})
}

// FindingsBlock is what FillReadme fills in, between markers as those of Blocks.
const FindingsBlock = "findings"

// FillReadme writes what a run found and what it did not show into the marked block of a
// Markdown file, a line each, and leaves the rest of the file as it is.
func FillReadme(path string, s *summary.Summary) error {
	return fill(path, []string{FindingsBlock}, func(string) (string, error) { return briefOf(s).Markdown(), nil })
}

// fill writes the text of each block into a file that has all of them.
func fill(path string, names []string, body func(name string) (string, error)) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("fill in: %w", err)
	}
	blocks, err := findBlocks(text, names)
	if err != nil {
		return fmt.Errorf("fill %s: %w", path, err)
	}
	var out bytes.Buffer
	at := 0
	for _, b := range blocks {
		body, err := body(b.name)
		if err != nil {
			return err
		}
		out.Write(text[at:b.begin])
		out.WriteString("\n" + strings.TrimSpace(body) + "\n\n")
		at = b.end
	}
	out.Write(text[at:])
	if bytes.Equal(out.Bytes(), text) {
		return nil
	}
	if err := record.WriteFile(path, out.Bytes()); err != nil {
		return fmt.Errorf("fill %s: %w", path, err)
	}
	return nil
}

// block is the place of a block's text: from the end of its first marker's line to the
// begin of its second marker's line.
type block struct {
	name       string
	begin, end int
}

var marker = regexp.MustCompile(`(?m)^<!-- lambdabench:(begin|end) ([a-z]*) -->[ \t]*\r?\n?`)

// findBlocks finds the blocks of these names, each of which must be there once.
func findBlocks(text []byte, names []string) ([]block, error) {
	var found []block
	open := ""
	for _, m := range marker.FindAllSubmatchIndex(text, -1) {
		kind, name := string(text[m[2]:m[3]]), string(text[m[4]:m[5]])
		line := 1 + bytes.Count(text[:m[0]], []byte("\n"))
		switch {
		case !slices.Contains(names, name):
			return nil, fmt.Errorf("line %d: %w: %q; there are %s", line, ErrUnknown, name, strings.Join(names, ", "))
		case kind == "begin" && open != "":
			return nil, fmt.Errorf("line %d: %w: %s begins before %s has ended", line, ErrMarker, name, open)
		case kind == "begin" && slices.ContainsFunc(found, func(b block) bool { return b.name == name }):
			return nil, fmt.Errorf("line %d: %w: %s begins a second time", line, ErrMarker, name)
		case kind == "end" && open != name:
			return nil, fmt.Errorf("line %d: %w: %s ends but has not begun", line, ErrMarker, name)
		case kind == "begin":
			open = name
			found = append(found, block{name: name, begin: m[1]})
		default:
			open = ""
			found[len(found)-1].end = m[0]
		}
	}
	if open != "" {
		return nil, fmt.Errorf("%w: %s begins but does not end", ErrMarker, open)
	}
	for _, name := range names {
		if !slices.ContainsFunc(found, func(b block) bool { return b.name == name }) {
			return nil, fmt.Errorf("%w: there is no <!-- lambdabench:begin %s -->", ErrMarker, name)
		}
	}
	return found, nil
}

const notMeasured = "Not measured in this run."

func blockText(name string, s *summary.Summary, runDir string, tables []*Table, figures []string) (string, error) {
	switch name {
	case "machine":
		return machineTable(s).Markdown()
	case "shape":
		return shapeTable(s).Markdown()
	case "reproduce":
		return "```sh\n" + reproduce(s, runDir) + "\n```", nil
	case "warnings":
		return warningsText(s), nil
	}
	var b strings.Builder
	for _, f := range figures {
		file := strings.TrimSuffix(filepath.Base(f), ".png")
		if experimentOf(file) == name {
			fmt.Fprintf(&b, "![%s](%s)\n\n", strings.ReplaceAll(file, "-", " "), f)
		}
	}
	for _, t := range tables {
		if experimentOf(t.Name) == name {
			text, err := t.Markdown()
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&b, "%s\n\n%s\n", t.Title, text)
		}
	}
	if b.Len() == 0 {
		return notMeasured, nil
	}
	return b.String(), nil
}

// warningsText lists the run's warnings, and the number of series with each kind.
func warningsText(s *summary.Summary) string {
	var b strings.Builder
	for _, w := range s.Warnings() {
		fmt.Fprintf(&b, "- %s\n", w)
	}
	kinds, n := warningKinds(s)
	for _, k := range slices.Sorted(maps.Keys(kinds)) {
		fmt.Fprintf(&b, "- %d of %d series: %s\n", kinds[k], n, k)
	}
	if b.Len() == 0 {
		return "None."
	}
	return b.String()
}

// warningKinds counts the series with each kind of warning, and all series.
func warningKinds(s *summary.Summary) (kinds map[string]int, series int) {
	kinds = map[string]int{}
	for _, r := range s.Results {
		if r.Metric == summary.MetricStageLatency {
			continue
		}
		series++
		for _, w := range r.Warnings {
			kinds[w.Kind()]++
		}
	}
	return kinds, series
}

// linkFigures lists a run's figures as links from a folder.
func linkFigures(from, runDir string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(runDir, FiguresFolder, "*.png"))
	if err != nil {
		return nil, fmt.Errorf("list figures: %w", err)
	}
	from, err = filepath.Abs(from)
	if err != nil {
		return nil, err
	}
	for i, f := range files {
		abs, err := filepath.Abs(f)
		if err != nil {
			return nil, err
		}
		rel, err := filepath.Rel(from, abs)
		if err != nil {
			return nil, fmt.Errorf("link figure: %w", err)
		}
		files[i] = filepath.ToSlash(rel)
	}
	return files, nil
}
