package figure

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/recorder"
)

func drawn() *Figure {
	p := NewPanel("", "M", "1/s").LogX().LogY()
	p.Curve([]Point{{X: 1, Y: 10, Low: 8, High: 13}, {X: 4, Y: 5, Low: -1, High: 9},
		{X: 16, Y: 1, Hollow: "did not call all of its M functions"}}, blue, nil)
	return &Figure{Name: "drawn", Title: "a title – with a dash", Panels: [][]*Panel{{p}},
		Data: [][]string{{"M", "1/s"}, {"1", "10"}}}
}

func TestAFigureDrawnTwiceIsTheSameBytes(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	for _, folder := range []string{first, second} {
		if err := drawn().Write(folder); err != nil {
			t.Fatal(err)
		}
	}
	for _, ext := range Extensions {
		a, errA := os.ReadFile(filepath.Join(first, "drawn"+ext))
		b, errB := os.ReadFile(filepath.Join(second, "drawn"+ext))
		if errA != nil || errB != nil || len(a) == 0 || !bytes.Equal(a, b) {
			t.Errorf("%s: %d and %d bytes (%v, %v)", ext, len(a), len(b), errA, errB)
		}
	}
	if files, err := os.ReadDir(first); err != nil || len(files) != len(Extensions) {
		t.Errorf("%v, %v", files, err)
	}
}

func TestAPDFDoesNotTellWhenItWasDrawn(t *testing.T) {
	pdf, err := drawn().PDF()
	if err != nil {
		t.Fatal(err)
	}
	dates := regexp.MustCompile(`/(?:Creation|Mod)[A-Za-z]* \([^)]*\)`).FindAllString(string(pdf), -1)
	if want := []string{"/CreationDate (D:20000101000000)", "/ModDate (D:20000101000000)"}; !slices.Equal(dates, want) {
		t.Errorf("dates %q, want %q", dates, want)
	}
}

func TestTheReasonOfAHollowMarkStandsInTheLegend(t *testing.T) {
	var texts []string
	record := new(recorder.Canvas)
	f := drawn()
	w, h := f.Size()
	f.Draw(draw.NewCanvas(record, w, h))
	for _, a := range record.Actions {
		if s, ok := a.(*recorder.FillString); ok {
			texts = append(texts, s.String)
		}
	}
	for _, want := range []string{"did not call all of its M", "functions"} {
		if !slices.Contains(texts, want) {
			t.Errorf("no %q among %q", want, texts)
		}
	}
}

func TestAnIntervalThatLeavesALogarithmicAxisEndsAtTheAxis(t *testing.T) {
	p := drawn().Panels[0][0]
	if p.plot.Y.Min != 1 || p.plot.Y.Max != 13 {
		t.Errorf("axis from %g to %g", p.plot.Y.Min, p.plot.Y.Max)
	}
	if svg := string(drawn().SVG()); strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
		t.Error(svg)
	}
}

func TestPanelsThatAreComparedHaveOneAxis(t *testing.T) {
	a, b, empty := NewPanel("", "", ""), NewPanel("", "", ""), NewPanel("", "", "")
	a.Curve([]Point{{X: 1, Y: 2, Low: 1, High: 3}}, blue, nil)
	b.Curve([]Point{{X: 5, Y: 7}, {X: 9, Y: 6}}, blue, nil)
	f, g := &Figure{Panels: [][]*Panel{{a, empty}}}, &Figure{Panels: [][]*Panel{{b}}}
	SameAxes(f, g)
	for _, p := range []*Panel{a, b, empty} {
		if x, y := p.plot.X, p.plot.Y; x.Min != 1 || x.Max != 9 || y.Min != 1 || y.Max != 7 {
			t.Errorf("x from %g to %g, y from %g to %g", x.Min, x.Max, y.Min, y.Max)
		}
	}
}
