package apps_test

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/lambdabench/lambdabench/workloads/apps"
)

// runners call the handler of a package on the language's interpreter alone.
var runners = map[string][]string{
	"nodejs": {"/usr/bin/node", "-e", `require(process.argv[1]+'/index.js').handler(JSON.parse(process.argv[2])).then(v=>console.log(JSON.stringify(v)))`},
	"python": {"/usr/bin/python3", "-c", "import sys,json;sys.path.insert(0,sys.argv[1]);import index;print(json.dumps(index.handler(json.loads(sys.argv[2]),None)))"},
}

func TestBothLanguagesGiveTheSameRightAnswer(t *testing.T) {
	for _, app := range apps.All() {
		for language, runner := range runners {
			t.Run(app.Name+"/"+language, func(t *testing.T) {
				if _, err := os.Stat(runner[0]); err != nil {
					t.Skip(err)
				}
				dir := t.TempDir()
				event, err := app.Event()
				if err == nil {
					err = app.Write(language, dir)
				}
				if err != nil {
					t.Fatal(err)
				}
				out, err := exec.Command(runner[0], append(append([]string{}, runner[1:]...), dir, string(event))...).Output()
				if err != nil {
					t.Fatal(err)
				}
				if err := app.Check(out); err != nil {
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
