// Package figure draws the analysis' figures with gonum/plot, each as PNG, SVG
// and PDF, and as CSV with the very numbers that are drawn.
//
// It knows curves, bars and dots, axes with units, and one look for all of them:
// one colour a backend in every figure, from a palette that the colour-blind can
// tell apart, with line styles and shapes that tell series apart without any
// colour; what is quoted from the paper is grey. What the numbers mean is the
// caller's.
//
//	f := &figure.Figure{Name: "throughput", Panels: [][]*figure.Panel{{p}}}
//	err := f.Write("runs/today/figures")
package figure

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// Figure is a grid of panels with one legend at its right.
type Figure struct {
	Name    string     // of its files, without extension
	Title   string     // what it shows, in one line
	Caption string     // how to read it
	Panels  [][]*Panel // rows of columns; every row has the same number
	Legend  []Entry
	Width   vg.Length // of the whole; 0: 7.2 inches
	Height  vg.Length // of the whole; 0: 2.6 inches a row of panels
	Data    [][]string
	Tag     Tag // of all that the figure shows, where that has one backend or runtime
}

// Entry is one line of a legend.
type Entry struct {
	Name  string
	Thumb plot.Thumbnailer
	Tag   Tag // of the series that it names; empty for what all series share
}

// dpi of PNG files.
const dpi = 160

// Extensions are those of a figure's files.
var Extensions = []string{".png", ".svg", ".pdf", ".csv"}

// Write draws the figure into folder as NAME.png, NAME.svg and NAME.pdf, and writes its
// data as NAME.csv.
func (f *Figure) Write(folder string) error {
	w, h := f.Size()
	img := vgimg.NewWith(vgimg.UseWH(w, h), vgimg.UseDPI(dpi))
	f.Draw(draw.New(img))
	var png, table bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: img}).WriteTo(&png); err != nil {
		return fmt.Errorf("draw figure %s: %w", f.Name, err)
	}
	pdf, err := f.PDF()
	if err != nil {
		return err
	}
	if err := csv.NewWriter(&table).WriteAll(f.Data); err != nil {
		return fmt.Errorf("data of figure %s: %w", f.Name, err)
	}
	for ext, data := range map[string][]byte{".png": png.Bytes(), ".svg": f.SVG(), ".pdf": pdf,
		".csv": table.Bytes()} {
		if err := os.WriteFile(filepath.Join(folder, f.Name+ext), data, 0o644); err != nil {
			return fmt.Errorf("write figure %s: %w", f.Name, err)
		}
	}
	return nil
}

// SVG is the figure as SVG. Its text is text; it names fonts that have the
// widths of the one that it was laid out with.
func (f *Figure) SVG() []byte {
	w, h := f.Size()
	c := newSVG(w, h)
	f.Draw(draw.NewCanvas(c, w, h))
	return c.bytes()
}

// Size is that of the canvas that Draw needs.
func (f *Figure) Size() (w, h vg.Length) {
	w, h = f.Width, f.Height
	if w == 0 {
		w = 7.2 * vg.Inch
	}
	if h == 0 {
		h = vg.Length(len(f.Panels))*2.6*vg.Inch + titleHeight
	}
	return w, h
}

const (
	titleHeight = 20 // points
	margin      = 6
)

// Draw draws the figure; more than once draws the same.
func (f *Figure) Draw(c draw.Canvas) {
	c.SetColor(paper)
	c.Fill(c.Rectangle.Path())
	c = draw.Crop(c, margin, -margin, margin, -margin)
	if f.Title != "" {
		at := vg.Point{X: c.Min.X, Y: c.Max.Y}
		c.FillText(textStyle(titleSize, draw.XLeft, draw.YTop), at, Cut(f.Title, 4*maxLabel))
		c = draw.Crop(c, 0, 0, 0, -titleHeight)
	}
	c = f.drawLegend(c)
	plots := make([][]*plot.Plot, len(f.Panels))
	for i, row := range f.Panels {
		for _, p := range row {
			p.pad()
			plots[i] = append(plots[i], p.plot)
		}
	}
	if len(plots) == 0 || len(plots[0]) == 0 {
		return
	}
	tiles := draw.Tiles{Rows: len(plots), Cols: len(plots[0]), PadX: 14, PadY: 10}
	canvases := plot.Align(plots, tiles, c)
	for i := range plots {
		for j := range plots[i] {
			f.Panels[i][j].draw(canvases[i][j])
		}
	}
}

// drawLegend draws the legend at the right and returns what is left.
func (f *Figure) drawLegend(c draw.Canvas) draw.Canvas {
	entries := slices.Concat(f.Legend, f.reasons())
	if len(entries) == 0 {
		return c
	}
	l := plot.NewLegend()
	l.TextStyle = textStyle(labelSize, draw.XLeft, draw.YBottom)
	l.Top, l.Left = true, true
	l.Padding, l.ThumbnailWidth = 3, 20
	for _, e := range entries {
		l.Add(Cut(e.Name, maxLabel), legendKey{e.Thumb, e.Tag})
	}
	const gap = 10
	width := l.Rectangle(c).Size().X + gap
	strip := draw.Crop(c, c.Size().X-width+gap, 0, 0, -12)
	l.Draw(strip)
	return draw.Crop(c, 0, -width, 0, 0)
}
