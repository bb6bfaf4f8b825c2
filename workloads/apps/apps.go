// Package apps has five small real functions, in the spirit of OpenLambda's
// LambdaBench: each does work that functions are used for, in plain Node.js and plain
// Python. Both languages give the same answer to the same event.
//
//	app, err := apps.ByName("thumbnail")
//	err = app.Write("python", dir)      // handler index.handler
//	err = app.Check(reply to app.Event)
package apps

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

// Handler is the handler of every application, in AWS Lambda's notation.
const Handler = "index.handler"

//go:embed functions
var sources embed.FS

var suffix = map[string]string{"nodejs": ".js", "python": ".py"}

// App is one application.
type App struct {
	Name string
	Doc  string // one sentence: what it does
}

// All lists the applications.
func All() []App {
	return []App{
		{"orders", "groups and sums a list of orders: parse, transform, sort"},
		{"page", "renders Markdown-like text into a page through a template"},
		{"sign", "derives a key and signs a message: PBKDF2, HMAC-SHA-256"},
		{"thumbnail", "scales a grey picture down by averaging blocks of pixels"},
		{"kvlog", "keeps a key-value log in /tmp: append, read back, compact"},
	}
}

// ByName returns an application.
func ByName(name string) (App, error) {
	var names []string
	for _, a := range All() {
		if a.Name == name {
			return a, nil
		}
		names = append(names, a.Name)
	}
	return App{}, fmt.Errorf("no application %q; there are %s", name, strings.Join(names, ", "))
}

// Source is the application's code in a language ("nodejs", "python").
func (a App) Source(language string) ([]byte, error) {
	b, err := sources.ReadFile("functions/" + a.Name + suffix[language])
	if err != nil {
		return nil, fmt.Errorf("application %s is not written in %q", a.Name, language)
	}
	return b, nil
}

// Write puts the application's package into a directory.
func (a App) Write(language, dir string) error {
	src, err := a.Source(language)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write application %s: %w", a.Name, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "index"+suffix[language]), src, 0o644); err != nil {
		return fmt.Errorf("write application %s: %w", a.Name, err)
	}
	return nil
}

// Event is what the application is called with, as JSON.
func (a App) Event() ([]byte, error) { return sources.ReadFile("functions/" + a.Name + ".event.json") }

// Check compares a reply to Event with the right one.
func (a App) Check(reply []byte) error {
	b, err := sources.ReadFile("functions/" + a.Name + ".reply.json")
	if err != nil {
		return fmt.Errorf("application %s has no expected reply: %w", a.Name, err)
	}
	var want, got any
	if err := json.Unmarshal(b, &want); err != nil {
		return fmt.Errorf("expected reply of application %s: %w", a.Name, err)
	}
	if err := json.Unmarshal(reply, &got); err != nil || !reflect.DeepEqual(got, want) {
		return fmt.Errorf("application %s answered %.120q, it should be %.120q", a.Name, reply, bytes.TrimSpace(b))
	}
	return nil
}
