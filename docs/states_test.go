package docs_test

import (
	"regexp"
	"strings"
	"testing"
)

var (
	transition = regexp.MustCompile(`(?m)^\t(\w+):\s+\{([\w, ]*)\},$`)
	arrow      = regexp.MustCompile(`(?m)^\s+([\w\[\]*]+) --> ([\w\[\]*]+)(?:: (.*))?$`)
	order      = regexp.MustCompile(`\b[A-Z]{3,}\b`)
)

// arrows are those between states of the n-th state diagram of the page on the unikernel backend, with their labels.
func arrows(t *testing.T, n int) map[string]string {
	t.Helper()
	seen, all := 0, map[string]string{}
	for _, m := range mermaid.FindAllStringSubmatch(read(t, "docs/unikernel.md"), -1) {
		if !strings.HasPrefix(m[1], "stateDiagram") {
			continue
		}
		if seen++; seen != n {
			continue
		}
		for _, a := range arrow.FindAllStringSubmatch(m[1], -1) {
			all[a[1]+" "+a[2]] = a[3]
		}
	}
	if len(all) == 0 {
		t.Fatalf("no state diagram %d", n)
	}
	return all
}

func TestTheDrawnStatesOfASandboxAreThoseOfItsTable(t *testing.T) {
	drawn := arrows(t, 2)
	for a := range drawn {
		if strings.Contains(a, "[*]") {
			delete(drawn, a)
		}
	}
	table := read(t, "runtime/unikernel/lifecycle.go")
	_, table, _ = strings.Cut(table, "transitions = ")
	table, _, _ = strings.Cut(table, "\n}")
	known := 0
	for _, m := range transition.FindAllStringSubmatch(table, -1) {
		for to := range strings.SplitSeq(m[2], ",") {
			if to = strings.TrimSpace(to); to == "" {
				continue
			}
			known++
			if _, ok := drawn[m[1]+" "+to]; !ok {
				t.Errorf("%s may become %s, which is not drawn", m[1], to)
			}
			delete(drawn, m[1]+" "+to)
		}
	}
	for a := range drawn {
		t.Errorf("%s is drawn, and not in the table", a)
	}
	if known < 5 {
		t.Errorf("%d transitions in runtime/unikernel/lifecycle.go", known)
	}
}

func TestTheDrawnOrdersOfATenderAreThoseOfItsProtocol(t *testing.T) {
	protocol, named := read(t, "runtime/unikernel/csrc/tender/control.h"), 0
	for a, label := range arrows(t, 1) {
		for _, name := range order.FindAllString(label, -1) {
			if named++; !strings.Contains(protocol, "TC_"+name+" ") {
				t.Errorf("%s: the protocol has no order TC_%s", a, name)
			}
		}
	}
	if named < 5 {
		t.Errorf("%d orders are drawn", named)
	}
}
