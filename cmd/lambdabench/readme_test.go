package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// The block of README.md that uses the platform runs as it stands, and again.
func TestTheBlockOfTheReadmeRunsAsPasted(t *testing.T) {
	if testing.Short() {
		t.Skip("the AWS CLI takes seconds a call")
	}
	for _, tool := range []string{"bash", "zip", "aws"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed: apt-get install zip awscli", tool)
		}
	}
	if _, err := isolation.FindInterpreter(t.Context(), "nodejs20.x"); err != nil {
		t.Skip(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile(`(?ms)^    export AWS_ACCESS_KEY_ID=.*?\n\n`).FindString(string(readme))
	if block == "" {
		t.Fatal("README.md has no block that begins with the client's credentials")
	}
	url, cmd, _ := listening(t, "serve", "--backend", "process", "--listen", "127.0.0.1:0", "--data", t.TempDir())
	defer func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	}()
	dir := t.TempDir()
	script := filepath.Join(dir, "block.sh")
	if err := os.WriteFile(script, []byte(strings.ReplaceAll(block, "http://127.0.0.1:9000", url)), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	for range 2 {
		run := exec.CommandContext(ctx, "bash", script)
		run.Dir = dir
		out, err := run.CombinedOutput()
		if err != nil || !strings.Contains(string(out), `"hello you"`) ||
			!strings.Contains(string(out), `\tINFO\tasked by you\n`) {
			t.Fatalf("%v\n%s", err, out)
		}
	}
}
