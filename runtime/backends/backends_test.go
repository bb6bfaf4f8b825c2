package backends

import (
	"strings"
	"testing"
)

func TestByNameFindsEveryBackendOfAll(t *testing.T) {
	seen := map[string]bool{}
	for _, b := range All(Config{}) {
		if seen[b.Name()] {
			t.Errorf("two backends are called %s", b.Name())
		}
		seen[b.Name()] = true
		got, err := ByName(Config{}, b.Name())
		if err != nil || got.Name() != b.Name() {
			t.Errorf("ByName(%q): %v, %v", b.Name(), got, err)
		}
	}
}

func TestByNameOfAnUnknownBackendListsThoseThatExist(t *testing.T) {
	_, err := ByName(Config{}, "chroot")
	if err == nil || !strings.Contains(err.Error(), "process") {
		t.Fatalf("error %v does not help", err)
	}
}
