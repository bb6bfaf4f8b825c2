package process

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRemedyNamesOnlySettingsThatTheHostHas(t *testing.T) {
	dir := t.TempDir()
	if got := namespaceRemedy(dir); strings.Contains(got, "sysctl") || !strings.Contains(got, "seccomp=unconfined") {
		t.Errorf("no setting forbids: %s", got)
	}
	if err := os.MkdirAll(filepath.Join(dir, "kernel"), 0o755); err != nil {
		t.Fatal(err)
	}
	clone := filepath.Join(dir, "kernel", "unprivileged_userns_clone")
	for text, want := range map[string]bool{"0\n": true, "1\n": false} {
		if err := os.WriteFile(clone, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(namespaceRemedy(dir), "sysctl kernel.unprivileged_userns_clone=1"); got != want {
			t.Errorf("the setting is %q: named: %v", text, got)
		}
	}
}
