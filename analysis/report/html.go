package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"image/color"
	"os"
	"path/filepath"
	"strings"

	"codeberg.org/go-fonts/liberation/liberationsansregular"

	"github.com/lambdabench/lambdabench/analysis/figure"
	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

var (
	//go:embed report.tmpl.html
	reportText string
	//go:embed report.css
	reportStyle string
	//go:embed figures.js
	figuresScript string
	//go:embed page.js
	pageScript string

	reportTemplate = template.Must(template.New("report").Parse(reportText))

	// reportScript is the page's one script: two files in one scope, the second of which starts both.
	reportScript = "\"use strict\";\n(() => {\n" + figuresScript + "\n" + pageScript + "})();\n"
)

// page is the data of report.tmpl.html.
type page struct {
	Summary               *summary.Summary
	Policy                string // Content-Security-Policy
	Style                 template.CSS
	Script                template.JS
	Filters               []choice
	Warnings              []summary.Warning
	Machine               *Table
	ShapeTitle, ShapeNote string
	Findings              []finding
	Sections              []section
	Details               []detail
	Reproduce             string
	Suite                 string
}

// choice is a property by which a reader hides series.
type choice struct {
	Name   string // "backend"
	Values []string
}

// finding is a Finding with the class of its verdict.
type finding struct {
	Finding
	Class string
}

// section is one experiment.
type section struct {
	Name    string
	Figures []picture
	Tables  []pageTable
	Trials  []picture // a strip a series
}

// picture is an inlined figure.
type picture struct {
	Title, Caption string
	Above          bool // the title stands above the figure, which has none of its own
	Tag            figure.Tag
	SVG            template.HTML
}

// detail is the warnings of one result.
type detail struct {
	Series, Backend, Runtime string
	Warnings                 []summary.Warning
}

// reportPage is the report of a run: one page that loads nothing.
func reportPage(s *summary.Summary, d *summary.Data, figs []*figure.Figure, runDir string) ([]byte, error) {
	tables, err := AllTables(s)
	if err != nil {
		return nil, err
	}
	suite, _ := os.ReadFile(filepath.Join(runDir, record.SuiteFile)) // describeRun has read it, or there is none
	shape, style := shapeTable(s), fontFace()+figureColors()+reportStyle
	p := page{
		Summary: s, Policy: policy(style, reportScript), Style: template.CSS(style), Script: template.JS(reportScript),
		Filters: choices(s), Warnings: s.Warnings(), Machine: machineTable(s), ShapeTitle: shape.Title,
		ShapeNote: shape.Note, Findings: findings(s), Details: details(s),
		Reproduce: reproduce(s, runDir), Suite: string(suite),
	}
	trials := trialFigures(s, d)
	for _, name := range s.Experiments() {
		sec := section{Name: name, Trials: trials[name]}
		for _, f := range figs {
			if experimentOf(f.Name) == name {
				sec.Figures = append(sec.Figures, inline(f))
			}
		}
		for _, t := range tables {
			if experimentOf(t.Name) == name {
				sec.Tables = append(sec.Tables, pageTableOf(t))
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

// policy lets a browser run the page's own script and style and load nothing. A text of a
// function that got past the template's escaping would still not run.
func policy(style, script string) string {
	hash := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; style-src " + hash(style) + "; script-src " + hash(script) +
		"; font-src data:; base-uri 'none'; form-action 'none'"
}

// fontFace is the font that figures are laid out with.
func fontFace() string {
	return "@font-face { font-family: 'Liberation Sans'; src: url(data:font/ttf;base64," +
		base64.StdEncoding.EncodeToString(liberationsansregular.TTF) + "); }\n"
}

// figureColors are the rules by which figures follow a dark page. Figures name their colours
// in presentation attributes, which any rule overrides.
func figureColors() string {
	hex := func(c color.NRGBA) string { return fmt.Sprintf("#%02X%02X%02X", c.R, c.G, c.B) }
	var b strings.Builder
	for _, s := range figure.Shades() {
		for _, property := range []string{"fill", "stroke"} {
			fmt.Fprintf(&b, "figure [%[1]s='%[2]s'] { %[1]s: light-dark(%[2]s, %[3]s); }\n", property, hex(s.Light),
				hex(s.Dark))
		}
	}
	return b.String()
}

func inline(f *figure.Figure) picture {
	return picture{Title: f.Title, Caption: f.Caption, Tag: f.Tag,
		SVG: template.HTML(f.SVG())} // package figure escapes the texts
}

// choices are the backends and runtimes of a run, where there is more than one.
func choices(s *summary.Summary) []choice {
	var all []choice
	runtimes := summary.Distinct(s, summary.Query{}, func(r *summary.Result) string { return r.Runtime })
	for _, c := range []choice{{"backend", s.Backends()}, {"runtime", runtimes}} {
		if len(c.Values) > 1 {
			all = append(all, c)
		}
	}
	return all
}

func findings(s *summary.Summary) []finding {
	var all []finding
	for _, f := range Shape(s) {
		class := ""
		switch {
		case f.Verdict.Kind() == Shown:
			class = "shown"
		case f.Verdict.Kind() == NotShown:
			class = "not"
		}
		all = append(all, finding{f, class})
	}
	return all
}

// details lists the warnings of all results.
func details(s *summary.Summary) []detail {
	var all []detail
	for i := range s.Results {
		r := &s.Results[i]
		if len(r.Warnings) == 0 || r.Metric == summary.MetricStageLatency {
			continue
		}
		all = append(all, detail{Series: resultName(r), Backend: r.Backend, Runtime: r.Runtime, Warnings: r.Warnings})
	}
	return all
}

// resultName is a result in words.
func resultName(r *summary.Result) string {
	return r.Experiment + ", " + resultSeries(r) + ", " + r.Metric
}
