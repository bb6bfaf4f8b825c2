package docs_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// retired are words that were coined here for what has a term (glossary.md): what each contains, in small letters, the
// word itself, and the term. Words that also have an ordinary meaning are not among them.
var retired = []struct {
	contains string
	word     *regexp.Regexp
	term     string
}{
	{"renew", regexp.MustCompile(`(?i)renew(al|ed|ing|s)?`), "reset"},
	{"blank", regexp.MustCompile(`\b[bB]lanks\b|\w[bB]lanks?\b|\b[bB]lank[A-Z]|\b[Aa] blank (is|was|that)\b`), "spare"},
	{"node", regexp.MustCompile(`(?i)\bnodesRef\b|\bnode that (boots|forks|holds)\b`), "zygote"},
	{"stock", regexp.MustCompile(`(?i)\bin (the |a )?stock\b|\bstocks?,? (of|has|keeps|is)\b`), "pool"},
	{"own_", regexp.MustCompile(`\bown_(list|wrote|has)\b`), "private pages"},
	{"rehears", regexp.MustCompile(`(?i)rehears(e|es|ed|al|ing)`), "training run"},
	{"tc_", regexp.MustCompile(`\btc_(layer|taken)\b`), "extent"},
	{"grave", regexp.MustCompile(`(?i)\bgraves?\b`), "close queue"},
	{"house", regexp.MustCompile(`(?i)\bkeepHouse\b|\bhousePeriod\b`), "janitor"},
	{"crowd", regexp.MustCompile(`(?i)crowd(ed|s)?`), "oversubscription"},
	{"bur", regexp.MustCompile(`(?i)\bbur(y|ied|ial|ies)\b`), "wait for"},
}

func TestRetiredWordsDoNotComeBack(t *testing.T) {
	for _, path := range tracked(t) {
		if path == "docs/words_test.go" || strings.HasPrefix(path, "results/") {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(root, path))
		if err != nil || bytes.IndexByte(raw, 0) >= 0 { // removed meanwhile, or no text
			continue
		}
		small := bytes.ToLower(raw)
		for _, r := range retired {
			if !bytes.Contains(small, []byte(r.contains)) {
				continue
			}
			for _, at := range r.word.FindAllIndex(raw, -1) {
				line := 1 + bytes.Count(raw[:at[0]], []byte("\n"))
				t.Errorf("%s:%d: %q: the term is %s (docs/glossary.md)", path, line, raw[at[0]:at[1]], r.term)
			}
		}
	}
}
