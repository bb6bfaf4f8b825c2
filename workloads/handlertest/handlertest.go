// Package handlertest is for tests of functions: it calls their handlers with
// the language's interpreter alone, without a platform and without a driver.
package handlertest

import (
	"os/exec"
	"testing"
)

// callers run the handler of the package that is their first argument with the
// event that is their second, and print its result as JSON.
var callers = map[string][]string{
	"nodejs": {"node", "-e",
		`require(process.argv[1]+'/index.js').handler(JSON.parse(process.argv[2]))` +
			`.then(v=>console.log(JSON.stringify(v)))`},
	"python": {"python3", "-c",
		"import sys,json;sys.path.insert(0,sys.argv[1]);import " +
			"index;print(json.dumps(index.handler(json.loads(sys.argv[2]),None)))"},
}

// Languages are those that Call knows.
var Languages = []string{"nodejs", "python"}

// Need skips a test on a host without the language's interpreter.
func Need(t testing.TB, language string) {
	t.Helper()
	if _, err := exec.LookPath(callers[language][0]); err != nil {
		t.Skip(err)
	}
}

// Call is the JSON that the handler index.handler of the package in dir gives
// for an event.
func Call(t testing.TB, language, dir, event string) []byte {
	t.Helper()
	c := callers[language]
	out, err := exec.Command(c[0], c[1], c[2], dir, event).Output()
	if err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	return out
}
