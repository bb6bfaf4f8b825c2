package report

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/lambdabench/lambdabench/analysis/browsertest"
	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/record/recordtest"
)

// browse opens a report; with it, the page is asked for once and loads nothing more.
func browse(t *testing.T, dir string) *browsertest.Page {
	t.Helper()
	p := browsertest.Open(t, "file://"+filepath.Join(dir, File))
	t.Cleanup(func() {
		p.CheckQuiet()
		if got := p.Requests(); len(got) != 1 {
			t.Errorf("requests: %q, want the page alone", got)
		}
	})
	return p
}

func TestThePageFitsAPhone(t *testing.T) {
	p := browse(t, report(t).dir)
	p.Width(390)
	p.Run(`document.querySelectorAll("details").forEach((d) => (d.open = true))`)
	if got := browsertest.Eval[int](p, `document.documentElement.scrollWidth`); got > 390 {
		t.Errorf("the document is %d pixels wide, want at most 390", got)
	}
	// A word of a cell is never broken: the widest cell of warnings is as wide as several words.
	const narrowest = `Math.min(...[...document.querySelectorAll("td.warnings")].map((c) => c.clientWidth))`
	if got := browsertest.Eval[float64](p, narrowest); got < 150 {
		t.Errorf("a cell of warnings is %g pixels wide", got)
	}
}

const sortedTable = `[...document.querySelector("#probe").tBodies[0].rows].map((r) => r.cells[0].textContent)`

func TestTablesSortByValuesWithUnits(t *testing.T) {
	p := browse(t, report(t).dir)
	p.Run(`{ const table = document.querySelector("table.sortable"); table.id = "probe";
		const cells = ["2 GB", "1,024 MB", "–", "900 kB", "1.5 GB", "container"], body = table.tBodies[0];
		body.replaceChildren(...cells.map((c) => { const row = document.createElement("tr");
			row.append(Object.assign(document.createElement("td"), { textContent: c })); return row; })); }`)
	click := func(want ...string) {
		t.Helper()
		p.Run(`document.querySelector("#probe thead button").click()`)
		if got := browsertest.Eval[[]string](p, sortedTable); !slices.Equal(got, want) {
			t.Errorf("sorted: %q, want %q", got, want)
		}
	}
	click("900 kB", "1,024 MB", "1.5 GB", "2 GB", "container", "–")
	click("container", "2 GB", "1.5 GB", "1,024 MB", "900 kB", "–")
	if got := browsertest.Eval[string](p, `document.querySelector("#probe thead th").ariaSort`); got != "descending" {
		t.Errorf("aria-sort is %q", got)
	}
}

func TestAFilterHidesSeriesRowsAndTheirNames(t *testing.T) {
	p := browse(t, report(t).dir)
	const visible = `[...document.querySelectorAll("g.series, g.key, tr")].filter((e) =>
		e.dataset.backend === "process" && getComputedStyle(e).display !== "none" &&
		(!e.matches("g.key") || getComputedStyle(e.nextElementSibling).display !== "none")).length`
	before := browsertest.Eval[int](p, visible)
	p.Run(`document.querySelector("#filter input[value=process]").click()`)
	if after := browsertest.Eval[int](p, visible); before == 0 || after != 0 {
		t.Errorf("%d things of the process are visible without, %d with the filter", before, after)
	}
	const others = `document.querySelectorAll("tr.paper.filtered, [data-backend=unikernel].filtered").length`
	if got := browsertest.Eval[int](p, others); got != 0 {
		t.Errorf("%d others are hidden too", got)
	}
	p.Run(`document.querySelector("#filter button[type=reset]").click()`)
	p.Wait(`document.querySelectorAll(".filtered").length === 0`)
}

const tooltip = `document.getElementById("tooltip").textContent`

// center is the place in the window of the first tip of the throughput figure, scrolled into view.
const center = `(() => { const tip = document.querySelector('#throughput ~ figure circle.tip');
	tip.scrollIntoView({ block: "center" }); const r = tip.getBoundingClientRect();
	return [r.x + r.width / 2, r.y + r.height / 2]; })()`

func TestHoverShowsTheValueItsIntervalAndWarnings(t *testing.T) {
	p := browse(t, report(t).dir)
	at := browsertest.Eval[[]float64](p, center)
	p.Pointer(at[0]-1, at[1])
	p.Pointer(at[0], at[1])
	p.Wait(`!document.getElementById("tooltip").hidden`)
	got := browsertest.Eval[string](p, tooltip)
	for _, want := range []string{"container/runc, nodejs20.x", "functions=64", "median ", " [", "1/s", "n = 6"} {
		if !strings.Contains(got, want) {
			t.Errorf("the tooltip has no %q: %q", want, got)
		}
	}
}

func TestTheKeyboardReachesValuesAndZoom(t *testing.T) {
	p := browse(t, report(t).dir)
	p.Run(`document.querySelector("#throughput ~ figure .frame").focus()`)
	p.Do(chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.ArrowRight))
	if got := browsertest.Eval[string](p, tooltip); !strings.Contains(got, "functions=256") {
		t.Errorf("two steps to the right say %q", got)
	}
	p.Do(chromedp.KeyEvent("+"))
	p.Wait(`document.querySelector("#throughput ~ figure g.axes") !== null`)
	p.Do(chromedp.KeyEvent("0"), chromedp.KeyEvent(kb.Escape))
	p.Wait(`document.querySelector("#throughput ~ figure g.axes") === null`)
	p.Wait(`document.getElementById("tooltip").hidden`)
}

func TestADraggedRectangleZoomsAndTheAxesFollow(t *testing.T) {
	p := browse(t, report(t).dir)
	const area = `(() => { const r = document.querySelector("#throughput ~ figure rect.area");
		r.scrollIntoView({ block: "center" }); const b = r.getBoundingClientRect();
		return [b.x, b.y, b.width, b.height]; })()`
	b := browsertest.Eval[[]float64](p, area)
	p.Pointer(b[0]+3, b[1]+3)
	p.Drag(b[0]+2, b[1]+2, b[0]+b[2]/3, b[1]+b[3]/2)
	p.Wait(`document.querySelector("#throughput ~ figure g.axes") !== null`)
	// The axis of functions goes from 64 to 65,536, so its left third ends near 640.
	const labels = `[...document.querySelectorAll("#throughput ~ figure g.axes text[text-anchor=middle]")]
		.map((t) => Number(t.textContent.replaceAll(",", "")))`
	got := browsertest.Eval[[]float64](p, labels)
	if len(got) < 2 || slices.Max(got) > 700 || slices.Min(got) < 50 {
		t.Errorf("after the zoom the axis has the labels %v", got)
	}
	const moved = `document.querySelector("#throughput ~ figure g.series path").getAttribute("transform")`
	if got := browsertest.Eval[string](p, moved); !strings.HasPrefix(got, "matrix(") {
		t.Errorf("the curve's transform is %q", got)
	}
}

func TestFiguresFollowADarkPage(t *testing.T) {
	p := browse(t, report(t).dir)
	colours := func() []string {
		return browsertest.Eval[[]string](p, `["figure svg > text", "figure svg > path",
			"#throughput ~ figure g.series path"]
			.map((s) => getComputedStyle(document.querySelector(s))).map((c) => c.fill + " " + c.stroke)
			.concat(getComputedStyle(document.body).backgroundColor)`)
	}
	p.Media("prefers-color-scheme", "light")
	light := colours()
	p.Media("prefers-color-scheme", "dark")
	dark := colours()
	if light[0] == dark[0] || light[1] == dark[1] || light[3] == dark[3] {
		t.Errorf("light %q, dark %q", light, dark)
	}
	p.Run(`document.getElementById("theme").click()`)
	if got := colours(); !slices.Equal(got, light) {
		t.Errorf("the button gives %q, want the light colours %q", got, light)
	}
	if got := browsertest.Eval[string](p, `document.getElementById("theme").ariaPressed`); got != "false" {
		t.Errorf("aria-pressed is %q on a light page", got)
	}
}

func TestWithoutScriptThePageShowsEverything(t *testing.T) {
	p := browsertest.New(t)
	p.WithoutScript()
	p.Load("file://" + filepath.Join(report(t).dir, File))
	if got := browsertest.Eval[string](p, `document.documentElement.dataset.script || ""`); got != "" {
		t.Fatal("the page's script ran")
	}
	const hidden = `[...document.querySelectorAll("tbody tr, figure")]
		.filter((e) => !e.closest("details") && !e.offsetHeight).length`
	if got := browsertest.Eval[int](p, hidden); got > 0 {
		t.Errorf("%d rows and figures are hidden", got)
	}
	const title = `document.querySelector("circle.tip title").textContent`
	if got := browsertest.Eval[string](p, title); !strings.Contains(got, "median") {
		t.Errorf("a point's title is %q", got)
	}
	const controls = `[...document.querySelectorAll("button, #filter")].filter((b) => b.offsetHeight).length`
	if got := browsertest.Eval[int](p, controls); got != 0 {
		t.Errorf("%d controls that do nothing are visible", got)
	}
}

// A function chooses its error texts, a tenant the names; neither becomes part of the page's code.
func TestHostileTextsStayTexts(t *testing.T) {
	const hostile = `x"'><script>window.taken=1</script><img src=x onerror=window.taken=1></text></svg>]]>{{.}}`
	g := recordtest.New(t, 1, 1)
	for _, experiment := range []string{"deploy", "throughput", "burst", "ao", "apps", "surface", "density", "mpsc"} {
		labels := map[string]string{}
		for _, l := range []string{record.LabelFunctions, record.LabelPeriod, record.LabelAO, record.LabelApp,
			record.LabelFeature, record.LabelDetail, record.LabelState, record.LabelProvider} {
			labels[l] = hostile
		}
		if experiment == "throughput" {
			labels[record.LabelFunctions] = "64"
		}
		g.Trial(experiment, hostile, hostile, "worker", labels,
			func(put func(record.Invocation), measure func(record.Measurement)) {
				for i := range 9 {
					put(record.Invocation{Path: hostile, Latency: int64(i+1) * 1e6, Outcome: record.OutcomeOK})
					put(record.Invocation{Path: hostile, Latency: 1e6, Outcome: hostile, Error: hostile})
				}
				for _, m := range []string{record.MetricThroughput, record.MetricIsolated,
					record.MetricBytesPerInstance, hostile} {
					measure(record.Measurement{Metric: m, Unit: hostile, Value: 2e6, Source: hostile})
				}
			})
	}
	suite := "suite: '" + strings.ReplaceAll(hostile, "'", "''") + "'\n# " + hostile
	if err := os.WriteFile(filepath.Join(g.Dir, record.SuiteFile), []byte(suite), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Write(g.Dir, ""); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(g.Dir, File))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(page), "<script"); n != 1 || strings.Contains(string(page), "<img") {
		t.Fatalf("%d scripts in the page, want its own alone, and no image", n)
	}
	p := browse(t, g.Dir)
	const taken = `String(window.taken) + document.querySelectorAll("img").length`
	if got := browsertest.Eval[string](p, taken); got != "undefined0" {
		t.Errorf("window.taken and images: %q", got)
	}
	if got := browsertest.Eval[string](p, `document.documentElement.dataset.script`); got != "ready" {
		t.Errorf("the page's own script is %q", got)
	}
	cell := browsertest.Eval[string](p, `document.querySelector("td").textContent`)
	if !strings.Contains(cell, "<script>window.taken") {
		t.Errorf("the first cell is %q, want the backend's name as it is", cell)
	}
}

func TestTheScriptIsOfHandSize(t *testing.T) {
	if len(reportScript) > 60<<10 {
		t.Errorf("the script has %d bytes, want at most 60 KB", len(reportScript))
	}
}
