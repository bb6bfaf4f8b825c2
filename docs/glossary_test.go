package docs_test

import (
	"strings"
	"testing"
)

func TestEveryTermOfTheGlossaryHasASourceAndOneMeaning(t *testing.T) {
	seen := map[string]bool{}
	for line := range strings.Lines(read(t, "docs/glossary.md")) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(cells) != 3 || strings.HasPrefix(cells[0], " term") {
			continue
		}
		source, meaning := strings.TrimSpace(cells[1]), strings.TrimSpace(cells[2])
		for term := range strings.SplitSeq(cells[0], ",") {
			term = strings.TrimSpace(term)
			if seen[term] {
				t.Errorf("%s stands there twice", term)
			}
			seen[term] = true
			if source == "" || meaning == "" {
				t.Errorf("%s has the source %q and the meaning %q", term, source, meaning)
			}
			if strings.HasPrefix(source, "–") && source != "– (LambdaBench)" {
				t.Errorf("%s: the source %q is none", term, source)
			}
		}
	}
	if len(seen) < 60 {
		t.Errorf("%d terms", len(seen))
	}
	for _, term := range []string{
		"unikernel context", "snapshot stack", "zygote", "spare", "pool", "reset", "reuse", "private pages", "extent",
		"dedup candidates", "training run", "recorded working set", "oversubscription", "hot", "warm", "cold", "boot",
		"stem cell", "tender", "host call", "hibernate", "prefetch", "arena", "patch", "account", "trial", "path",
	} {
		if !seen[term] {
			t.Errorf("%s has no entry", term)
		}
	}
}
