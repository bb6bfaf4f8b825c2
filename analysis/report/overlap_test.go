package report

import (
	"image/color"
	"math"
	"testing"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/recorder"

	"github.com/lambdabench/lambdabench/analysis/figure"
	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/record/recordtest"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// No text of a figure may lie over another text or over a curve, or leave the figure.
func TestTextsOfFiguresCollideWithNothing(t *testing.T) {
	var figures []*figure.Figure
	for _, dir := range []string{report(t).dir, packed(t)} {
		s, d, err := summary.Read(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		all, err := drawAll(s, d)
		if err != nil {
			t.Fatal(err)
		}
		figures = append(figures, all...)
	}
	if len(figures) < 13 {
		t.Fatalf("%d figures", len(figures))
	}
	for _, f := range figures {
		w, h := f.Size()
		texts, curves := trace(f)
		for i, a := range texts {
			if a.box.Min.X < 0 || a.box.Min.Y < 0 || a.box.Max.X > w || a.box.Max.Y > h {
				t.Errorf("%s: %q leaves the figure: %v", f.Name, a.words, a.box)
			}
			for _, b := range texts[i+1:] {
				if a.box.Min.X < b.box.Max.X && b.box.Min.X < a.box.Max.X &&
					a.box.Min.Y < b.box.Max.Y && b.box.Min.Y < a.box.Max.Y {
					t.Errorf("%s: %q lies over %q", f.Name, a.words, b.words)
				}
			}
			for _, c := range curves {
				if crosses(c, a.box) {
					t.Errorf("%s: a curve lies over %q", f.Name, a.words)
					break
				}
			}
		}
	}
}

// packed is a SYNTHETIC run whose curves pass where the paper's means are, and whose steps of
// anticipatory optimisation have long names.
func packed(t *testing.T) string {
	g := recordtest.New(t, 1, 1)
	for i, path := range []string{record.PathHot, record.PathWarm, record.PathCold} {
		g.Deploy("process", "nodejs20.x", path, []float64{1, 4, 9}[i])
	}
	for _, steps := range []string{record.AONone, "network", "interpreter", "prefetch", "gc", "network+interpreter",
		"network+interpreter+prefetch", "network+interpreter+prefetch+gc"} {
		g.Trial(record.ExperimentAO, "unikernel", "nodejs20.x", record.ViaWorker,
			map[string]string{record.LabelAO: steps},
			func(put func(record.Invocation), _ func(record.Measurement)) {
				for _, path := range []string{record.PathCold, record.PathWarm} {
					for range 9 {
						put(record.Invocation{Path: path, Latency: g.Draw(1), Outcome: record.OutcomeOK})
					}
				}
			})
	}
	return g.Dir
}

// inscription is a text of a figure and where it is.
type inscription struct {
	words string
	box   vg.Rectangle
}

// trace draws a figure and returns its texts and the strokes of its data.
func trace(f *figure.Figure) (texts []inscription, curves [][2]vg.Point) {
	record := new(recorder.Canvas)
	w, h := f.Size()
	f.Draw(draw.NewCanvas(record, w, h))
	at := matrix{1, 0, 0, 1, 0, 0}
	var stack []matrix
	var c color.Color
	for _, action := range record.Actions {
		switch a := action.(type) {
		case *recorder.Push:
			stack = append(stack, at)
		case *recorder.Pop:
			at, stack = stack[len(stack)-1], stack[:len(stack)-1]
		case *recorder.Translate:
			at = at.then(matrix{1, 0, 0, 1, float64(a.Point.X), float64(a.Point.Y)})
		case *recorder.Rotate:
			sin, cos := math.Sincos(a.Angle)
			at = at.then(matrix{cos, sin, -sin, cos, 0, 0})
		case *recorder.SetColor:
			c = a.Color
		case *recorder.FillString:
			width := vg.Length(len([]rune(a.String))) * a.Size * 0.42 // most text of Liberation Sans is wider
			p, q := at.of(a.Point), at.of(a.Point.Add(vg.Point{X: width, Y: 0.7 * a.Size}))
			texts = append(texts, inscription{a.String, vg.Rectangle{
				Min: vg.Point{X: min(p.X, q.X), Y: min(p.Y, q.Y)}, Max: vg.Point{X: max(p.X, q.X), Y: max(p.Y, q.Y)}}})
		case *recorder.Stroke:
			if isGrid(c) {
				continue
			}
			for i := 1; i < len(a.Path); i++ {
				if a.Path[i].Type == vg.LineComp {
					curves = append(curves, [2]vg.Point{at.of(a.Path[i-1].Pos), at.of(a.Path[i].Pos)})
				}
			}
		}
	}
	return texts, curves
}

// isGrid reports whether a colour is that of the grid or of the axes.
func isGrid(c color.Color) bool {
	r, g, b, _ := c.RGBA()
	return r == g && g == b && r != 0x8A8A
}

// matrix is an affine transformation: x' = ax + cy + e, y' = bx + dy + f.
type matrix [6]float64

func (m matrix) then(n matrix) matrix {
	return matrix{m[0]*n[0] + m[2]*n[1], m[1]*n[0] + m[3]*n[1], m[0]*n[2] + m[2]*n[3], m[1]*n[2] + m[3]*n[3],
		m[0]*n[4] + m[2]*n[5] + m[4], m[1]*n[4] + m[3]*n[5] + m[5]}
}

func (m matrix) of(p vg.Point) vg.Point {
	x, y := float64(p.X), float64(p.Y)
	return vg.Point{X: vg.Length(m[0]*x + m[2]*y + m[4]), Y: vg.Length(m[1]*x + m[3]*y + m[5])}
}

// crosses reports whether a stroke enters a box: whether one of the points along it does.
func crosses(stroke [2]vg.Point, box vg.Rectangle) bool {
	d := stroke[1].Sub(stroke[0])
	steps := int(max(math.Abs(float64(d.X)), math.Abs(float64(d.Y)))) + 1
	for i := range steps + 1 {
		p := stroke[0].Add(d.Scale(vg.Length(i) / vg.Length(steps)))
		if p.X > box.Min.X && p.X < box.Max.X && p.Y > box.Min.Y && p.Y < box.Max.Y {
			return true
		}
	}
	return false
}
