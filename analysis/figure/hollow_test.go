package figure

import (
	"testing"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

func TestAHollowMarkIsHollow(t *testing.T) {
	img := vgimg.NewWith(vgimg.UseWH(20, 20), vgimg.UseDPI(288))
	c := draw.New(img)
	c.DrawGlyph(Glyph("hollow", Color("process", []string{"process"}), markRadius), vg.Point{X: 10, Y: 10})
	at := img.Image().Bounds().Max.Div(2)
	if r, g, b, _ := img.Image().At(at.X, at.Y).RGBA(); r != 0xffff || g != 0xffff || b != 0xffff {
		t.Errorf("the middle of the mark is %x %x %x, not the paper's colour", r, g, b)
	}
}
