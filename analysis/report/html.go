package report

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"strings"

	"codeberg.org/go-fonts/liberation/liberationsansregular"

	"github.com/lambdabench/lambdabench/analysis/figure"
	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

//go:embed report.tmpl.html
var reportText string

var reportTemplate = template.Must(template.New("report").Parse(reportText))

// maxInline is the size up to which a figure is inlined as SVG; a figure of
// thousands of dots is smaller as an image.
const maxInline = 150 << 10

// page is the data of report.tmpl.html.
type page struct {
	Summary   *summary.Summary
	Font      template.CSS
	Warnings  []summary.Warning
	Machine   *Table
	Shape     *Table
	Findings  []Finding
	Sections  []section
	Details   []detail
	Reproduce string
	Suite     string
}

// section is one experiment.
type section struct {
	Name    string
	Figures []picture
	Tables  []*Table
}

// picture is a figure, inlined in one of two ways.
type picture struct {
	Title, Caption string
	SVG            template.HTML
	PNG            template.URL
}

// detail is the warnings of one result.
type detail struct {
	Series   string
	Warnings []summary.Warning
}

// reportPage is the report of a run whose figures have been written: one page that
// loads nothing.
func reportPage(s *summary.Summary, figs []*figure.Figure, runDir string) ([]byte, error) {
	tables, err := AllTables(s)
	if err != nil {
		return nil, err
	}
	suite, _ := os.ReadFile(filepath.Join(runDir, record.SuiteFile)) // describeRun has read it, or there is none
	p := page{
		Summary: s, Warnings: s.Warnings(), Machine: machineTable(s), Shape: shapeTable(s), Findings: Shape(s),
		Details:   details(s),
		Reproduce: reproduce(s, runDir), Suite: string(suite),
		Font: template.CSS("@font-face{font-family:'Liberation Sans';src:url(data:font/ttf;base64," +
			base64.StdEncoding.EncodeToString(liberationsansregular.TTF) + ")}"),
	}
	for _, name := range s.Experiments() {
		sec := section{Name: name}
		for _, f := range figs {
			if experimentOf(f.Name) == name {
				pic, err := inline(f, runDir)
				if err != nil {
					return nil, err
				}
				sec.Figures = append(sec.Figures, pic)
			}
		}
		for _, t := range tables {
			if experimentOf(t.Name) == name {
				sec.Tables = append(sec.Tables, t)
			}
		}
		p.Sections = append(p.Sections, sec)
	}
	var b bytes.Buffer
	if err := reportTemplate.Execute(&b, p); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return b.Bytes(), nil
}

func inline(f *figure.Figure, runDir string) (picture, error) {
	pic := picture{Title: f.Title, Caption: f.Caption}
	path := filepath.Join(runDir, FiguresFolder, f.Name)
	svg, err := os.ReadFile(path + ".svg")
	if err != nil {
		return pic, fmt.Errorf("report: %w", err)
	}
	if len(svg) <= maxInline {
		if i := bytes.Index(svg, []byte("<svg")); i >= 0 {
			pic.SVG = template.HTML(svg[i:]) // our own drawing: its text was escaped when it was drawn
			return pic, nil
		}
	}
	png, err := os.ReadFile(path + ".png")
	if err != nil {
		return pic, fmt.Errorf("report: %w", err)
	}
	pic.PNG = template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(png))
	return pic, nil
}

// details lists the warnings of all results.
func details(s *summary.Summary) []detail {
	var all []detail
	for i := range s.Results {
		r := &s.Results[i]
		if len(r.Warnings) == 0 || r.Metric == summary.MetricStageLatency {
			continue
		}
		all = append(all, detail{Series: resultName(r), Warnings: r.Warnings})
	}
	return all
}

// resultName is a result in words.
func resultName(r *summary.Result) string {
	var all []string
	for _, part := range []string{r.Experiment, r.Backend, r.Runtime, r.Path, strings.Join(labelWords(r.Labels), " "),
		r.Metric} {
		if part != "" {
			all = append(all, part)
		}
	}
	return strings.Join(all, ", ")
}
