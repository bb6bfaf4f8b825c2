package live

import (
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/analysis/browsertest"
)

func TestThePageFollowsInABrowser(t *testing.T) {
	const hostile = `<img src=x onerror=window.taken=1></script><script>window.taken=1</script>`
	v := 3.0
	table := &Table{Columns: []string{"backend", "median"}, Rows: []Row{{[]string{hostile, "1.5"}, []float64{1, 2, 3}}}}
	source := &script{state: State{
		Title: hostile, Progress: &Progress{Done: 1, All: 4, Left: 90}, Errors: []string{hostile},
		Facts: []Fact{{hostile, hostile}}, Figures: Figures{Version: 1, Table: table,
			Charts: []Chart{{hostile, "1/s", []Curve{{"hot", []*float64{nil, &v, &v}}}}}},
	}}
	s := serve(t, source, Options{})
	p := browsertest.New(t)
	p.Width(390)
	p.Load(s.url)
	p.Wait(`document.documentElement.dataset.state === "live"`)
	for what, expression := range map[string]string{
		"1 of 4":  `document.getElementById("counts").textContent`,
		"1.5":     `document.querySelector("tbody").textContent`,
		"1, 2, 3": `document.querySelector("td svg").getAttribute("aria-label")`,
		"hot 3":   `document.querySelector(".key").textContent`,
		hostile:   `document.querySelector("#errors li").textContent`,
	} {
		if got := browsertest.Eval[string](p, expression); !strings.Contains(got, what) {
			t.Errorf("%s is %q, want %q", expression, got, what)
		}
	}
	if got := browsertest.Eval[string](p, `String(window.taken) + document.images.length`); got != "undefined0" {
		t.Errorf("a text became code: %s", got)
	}
	if got := browsertest.Eval[int](p, `document.documentElement.scrollWidth`); got > 390 {
		t.Errorf("the page is %d pixels wide", got)
	}
	p.Media("prefers-color-scheme", "light")
	const colours = `getComputedStyle(document.body).backgroundColor +
		getComputedStyle(document.querySelector(".curve")).stroke`
	light := browsertest.Eval[string](p, colours)
	p.Media("prefers-color-scheme", "dark")
	if dark := browsertest.Eval[string](p, colours); dark == light {
		t.Errorf("light and dark are both %s", dark)
	}
	source.set(func(s *State) { s.Progress, s.Ended = &Progress{Done: 4, All: 4}, "the run is complete" })
	p.Wait(`document.documentElement.dataset.state === "ended" &&
		document.getElementById("link").textContent === "the run is complete"`)
	if err := s.ended(t); err != nil {
		t.Error(err)
	}
	p.CheckQuiet()
	for _, r := range p.Requests() {
		if !strings.HasPrefix(r, s.url) {
			t.Errorf("the page asked for %s", r)
		}
	}
}
