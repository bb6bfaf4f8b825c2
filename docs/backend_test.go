package docs_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	group = regexp.MustCompile(`t\.Run\("(\w+)", s\.(\w+)\)`)
	row   = regexp.MustCompile("(?m)^\\| ([a-z]+) \\| `(runtime/conformance/\\w+\\.go)` \\|")
)

func TestThePageOnBackendsNamesEveryGroupOfTheConformanceSuite(t *testing.T) {
	var want, got []string
	run := read(t, "runtime/conformance/conformance.go")
	for _, m := range group.FindAllStringSubmatch(run, -1) {
		want = append(want, m[1]+" "+m[2])
	}
	for _, m := range row.FindAllStringSubmatch(read(t, "docs/adding-a-backend.md"), -1) {
		i := slices.IndexFunc(want, func(g string) bool { return strings.HasPrefix(g, m[1]+" ") })
		if i < 0 {
			t.Errorf("the suite has no group %s", m[1])
			continue
		}
		_, method, _ := strings.Cut(want[i], " ")
		if !symbolsOf(t, m[2])["suite."+method] {
			t.Errorf("group %s does not begin in %s", m[1], m[2])
		}
		got = append(got, want[i])
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || len(want) < 10 {
		t.Errorf("the page has the groups %v, the suite %v", got, want)
	}
}
