// Package browsertest opens pages in a headless browser, for tests of what a reader sees
// there: layout, colours, what a script does, and what a policy forbids.
//
//	p := browsertest.Open(t, "file:///tmp/report.html")
//	title := browsertest.Eval[string](p, `document.title`)
//	p.CheckQuiet()
package browsertest

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browsers are the names of what Debian and others call the browser.
var browsers = []string{"chromium", "chromium-browser", "google-chrome", "chrome"}

// patience bounds a test's use of the browser: its start takes seconds on a busy machine.
const patience = 3 * time.Minute

// Page is one page in a browser of its own, which ends with the test.
type Page struct {
	t   testing.TB
	ctx context.Context

	mu       sync.Mutex
	messages []string // errors and warnings of the console, uncaught exceptions
	requests []string
}

// Open starts a browser and loads a page. The test is skipped where there is no browser.
func Open(t testing.TB, url string) *Page {
	t.Helper()
	p := New(t)
	p.Load(url)
	return p
}

// New starts a browser with an empty page.
func New(t testing.TB) *Page {
	t.Helper()
	path := find()
	if path == "" {
		t.Skipf("none of %s is on the PATH: apt-get install chromium, or ./run.sh --with chromium test",
			strings.Join(browsers, ", "))
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path),
		chromedp.WSURLReadTimeout(patience), chromedp.UserDataDir(t.TempDir()))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox) // the browser refuses its sandbox to root
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	allocator, stop := chromedp.NewExecAllocator(ctx, options...)
	tab, closeTab := chromedp.NewContext(allocator)
	p := &Page{t: t, ctx: tab}
	t.Cleanup(func() {
		if err := chromedp.Cancel(tab); err != nil { // waits for the browser's end, before its folder goes
			t.Logf("close the browser: %v", err)
		}
		closeTab()
		stop()
		cancel()
	})
	if err := chromedp.Listen(tab, p.note); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	Call(p, log.Enable, cdp.Empty{})
	Call(p, runtime.Enable, cdp.Empty{})
	Call(p, network.Enable, network.EnableParams{})
	return p
}

func find() string {
	for _, name := range browsers {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

func (p *Page) note(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			p.messages = append(p.messages, e.Entry.Text)
		}
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		p.messages = append(p.messages, text)
	case *runtime.EventConsoleAPICalled:
		p.messages = append(p.messages, "a call of console: "+string(e.Type))
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, "data:") {
			p.requests = append(p.requests, e.Request.URL)
		}
	}
}

// Load goes to a page and waits until it is loaded.
func (p *Page) Load(url string) {
	p.t.Helper()
	p.Do(chromedp.Navigate(url))
}

// Do runs actions of package chromedp; an error ends the test.
func (p *Page) Do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, actions...); err != nil {
		p.t.Fatalf("browser: %v", err)
	}
}

// Call sends a command of the browser's protocol; an error ends the test.
func Call[P, R any](p *Page, command cdp.Command[P, R], params P) R {
	p.t.Helper()
	r, err := chromedp.Call(p.ctx, command, params)
	if err != nil {
		p.t.Fatalf("browser: %v", err)
	}
	return r
}

// Eval is the value of an expression of JavaScript.
func Eval[T any](p *Page, expression string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.t.Fatalf("browser: %s: %v", expression, err)
	}
	return v
}

// Run evaluates statements of JavaScript.
func (p *Page) Run(statements string) {
	p.t.Helper()
	p.Do(chromedp.Evaluate[chromedp.Void](statements))
}

// Wait waits until an expression is true. It asks from outside: a page's policy may forbid
// the evaluation of texts within the page.
func (p *Page) Wait(expression string) {
	p.t.Helper()
	for deadline := time.Now().Add(time.Minute); !Eval[bool](p, "Boolean("+expression+")"); {
		if time.Now().After(deadline) {
			p.t.Fatalf("browser: %s never came true", expression)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Width sets the width of the window, in CSS pixels.
func (p *Page) Width(pixels int64) {
	p.t.Helper()
	p.Do(chromedp.EmulateViewport(pixels, 844))
}

// Media sets a media feature: "prefers-color-scheme", "dark".
func (p *Page) Media(feature, value string) {
	p.t.Helper()
	Call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: feature, Value: value}}})
}

// WithoutScript keeps scripts of pages that are loaded from now on from running.
func (p *Page) WithoutScript() {
	p.t.Helper()
	Call(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
}

// Pointer moves the pointer to a place in the window.
func (p *Page) Pointer(x, y float64) {
	p.t.Helper()
	p.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, x, y))
}

// Drag presses the button of the mouse at one place and releases it at another.
func (p *Page) Drag(fromX, fromY, toX, toY float64) {
	p.t.Helper()
	p.Do(chromedp.DragAndDropXY(fromX, fromY, toX, toY))
}

// Requests lists the addresses that were requested so far, pages included.
func (p *Page) Requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.requests...)
}

// CheckQuiet fails the test if the console has an error, a warning or an exception. A breach
// of a page's policy is an error there.
func (p *Page) CheckQuiet() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.messages {
		p.t.Errorf("console: %s", m)
	}
}
