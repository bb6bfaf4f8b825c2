package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	mermaid = regexp.MustCompile("(?ms)^```mermaid\n(.*?)^```$")
	path    = regexp.MustCompile(`\b[\w.]+(?:/[\w.]+)+`)
	diagram = regexp.MustCompile(`^(flowchart (TD|LR)|sequenceDiagram|stateDiagram-v2)\n`)
)

// A diagram is checked as far as that goes without Mermaid itself: its kind, and the files that it names.
func TestDiagramsNameFilesThatExist(t *testing.T) {
	top, diagrams := topLevel(t), 0
	for page, text := range pages(t) {
		for _, m := range mermaid.FindAllStringSubmatch(text, -1) {
			diagrams++
			if !diagram.MatchString(m[1]) {
				t.Errorf("%s: a diagram of no known kind: %.40q", page, m[1])
			}
			if strings.HasPrefix(m[1], "sequenceDiagram") && strings.Contains(m[1], ";") {
				t.Errorf("%s: ';' ends a statement of a sequence diagram: %.40q", page, m[1])
			}
			for _, name := range path.FindAllString(m[1], -1) {
				first, _, _ := strings.Cut(name, "/")
				if _, err := os.Stat(filepath.Join(root, name)); top[first] && err != nil {
					t.Errorf("%s: %v", page, err)
				}
			}
		}
	}
	if diagrams < 3 {
		t.Errorf("%d diagrams", diagrams)
	}
}
