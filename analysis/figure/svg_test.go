package figure

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

// hostile is a label as a function or a tenant might choose it.
const hostile = `"'><script>x</script>]]>&`

// tagged is a figure with everything that the SVG has groups for.
func tagged() *Figure {
	p := NewPanel(hostile, hostile, "ms").LogX().Of(Tag{Backend: hostile, Name: "warm"})
	p.Line([]XY{{1, 1}, {10, 2}}, Color("process", nil), Dashes(1))
	p.Dots([]XY{{1, 1}, {10, 2}}, Glyph("dot", Faded(blue, 100), 2))
	p.Tips(Tip{XY{10, 2}, "two\n" + hostile})
	bars := NewPanel("", "", "").Bars([]Bar{{Name: hostile, Tip: "a bar", Tag: Tag{Backend: "b"},
		Parts: []Part{{Value: 3, Color: green}}}})
	return &Figure{Title: hostile, Panels: [][]*Panel{{p}, {bars}},
		Legend: []Entry{{Name: "process", Thumb: Line(blue, nil), Tag: Tag{Backend: "process"}}}}
}

func TestAnSVGIsWellFormedWhateverItsTextsAre(t *testing.T) {
	svg := tagged().SVG()
	groups, texts := map[string]int{}, 0
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			for _, a := range e.Attr {
				switch {
				case a.Name.Local == "class":
					groups[a.Value]++
				case a.Name.Local == "style", strings.HasPrefix(a.Name.Local, "on"):
					t.Errorf("<%s %s=%q>: a page's policy forbids it", e.Name.Local, a.Name.Local, a.Value)
				}
			}
			if e.Name.Local == "script" {
				t.Error("a label became an element")
			}
		case xml.CharData:
			if strings.Contains(string(e), hostile) {
				texts++
			}
		}
	}
	for class, want := range map[string]int{"panel": 2, "area": 2, "series": 1, "series bar": 1, "tip": 1, "key": 1} {
		if groups[class] != want {
			t.Errorf("%d elements of class %q, want %d", groups[class], class, want)
		}
	}
	if texts < 4 { // title, panel, axis, tip, bar
		t.Errorf("%d texts are as they were given, want 4", texts)
	}
	if n := bytes.Count(svg, []byte(`fill-opacity="0.39"`)); n != 1 {
		t.Errorf("dots of one look have %d groups", n)
	}
}

func TestATagLeavesThePictureAlone(t *testing.T) {
	f := tagged()
	if a, b := f.SVG(), f.SVG(); !bytes.Equal(a, b) {
		t.Error("the second drawing of a figure differs from the first")
	}
	if err := f.Write(t.TempDir()); err != nil {
		t.Error(err)
	}
}

func TestTurnedTextReadsUpwards(t *testing.T) {
	if svg := string(tagged().SVG()); !strings.Contains(svg, `transform="rotate(-90 `) {
		t.Error("the label of the vertical axis is not turned")
	}
}
