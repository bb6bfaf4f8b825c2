package figure

import (
	"bytes"
	"fmt"
	"regexp"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgpdf"
)

// PDF is the figure as one page, its font embedded. Two drawings of one figure are the same
// bytes.
func (f *Figure) PDF() ([]byte, error) {
	w, h := f.Size()
	c := pdfCanvas{vgpdf.New(w, h)}
	f.Draw(draw.New(c))
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("draw figure %s: %w", f.Name, err)
	}
	return pdfDates.ReplaceAll(b.Bytes(), []byte("$1(D:20000101000000)")), nil
}

// pdfDates are the times of drawing, which a PDF names. The one in their place is as long:
// a PDF lists where in the file its objects begin.
var pdfDates = regexp.MustCompile(`(/(?:CreationDate|ModDate) )\(D:[0-9]{14}\)`)

// pdfCanvas writes text in the code page of vgpdf's fonts, Windows 1252.
type pdfCanvas struct{ *vgpdf.Canvas }

// FillString implements vg.Canvas. A letter that the code page lacks becomes a substitute.
func (c pdfCanvas) FillString(f font.Face, at vg.Point, text string) {
	s, err := encoding.ReplaceUnsupported(charmap.Windows1252.NewEncoder()).String(text)
	if err != nil { // text is no UTF-8
		s = text
	}
	c.Canvas.FillString(f, at, s)
}
