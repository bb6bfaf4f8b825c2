package apps_test

import (
	"fmt"
	"testing"

	"github.com/lambdabench/lambdabench/workloads/apps"
	"github.com/lambdabench/lambdabench/workloads/handlertest"
)

func TestBothLanguagesGiveTheSameRightAnswer(t *testing.T) {
	for _, app := range apps.All() {
		for _, language := range handlertest.Languages {
			t.Run(app.Name+"/"+language, func(t *testing.T) {
				handlertest.Need(t, language)
				dir := t.TempDir()
				event, err := app.Event()
				if err == nil {
					err = app.Write(language, dir)
				}
				if err != nil {
					t.Fatal(err)
				}
				if err := app.Check(handlertest.Call(t, language, dir, string(event))); err != nil {
					t.Error(err)
				}
				if app.Check([]byte(`{"wrong":1}`)) == nil {
					t.Error("a wrong answer passes")
				}
			})
		}
	}
}

func ExampleByName() {
	app, err := apps.ByName("thumbnail")
	fmt.Println(app.Doc, err)
	_, err = apps.ByName("photoshop")
	fmt.Println(err)
	// Output:
	// scales a grey picture down by averaging blocks of pixels <nil>
	// no application "photoshop"; there are orders, page, sign, thumbnail, kvlog
}
