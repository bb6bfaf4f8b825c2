package program

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/rootfs"
	"github.com/lambdabench/lambdabench/runtime/unikernel/image"
)

// source ends as its argument says, after a word on descriptor 3 and one on the console.
const source = `
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	write(3, "data", 4);
	puts(getenv("WORD"));
	fflush(stdout);
	if (argv[1][0] == 's')
		for (;;)
			pause();
	if (argv[1][0] == 'a')
		abort();
	return atoi(argv[1]);
}
`

// start has the program at /ends.
func start(t *testing.T) *Host {
	t.Helper()
	cc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("no C compiler (gcc) on this host")
	}
	dir := t.TempDir()
	text, exe := filepath.Join(dir, "ends.c"), filepath.Join(dir, "ends")
	if err := os.WriteFile(text, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(cc, "-static-pie", "-o", exe, text).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	var files rootfs.Tree
	files.AddFile("/ends", 0o755, data)
	f, err := os.Create(filepath.Join(dir, "image"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := image.Write(f, &files); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { goleak.VerifyNone(t) }) // after Close
	h, err := Start(t.Context(), f)
	var lacks *isolation.Unavailable
	if errors.As(err, &lacks) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func TestAProgramIsHeardAndItsEndIsTold(t *testing.T) {
	h := start(t)
	const signalled = 120 // UC_EXIT_SIGNAL
	for _, c := range []struct {
		way, why string
		status   int
	}{{"0", "", 0}, {"7", "", 7}, {"a", "signal 6", signalled}} {
		var data, console strings.Builder
		end, err := h.Run(t.Context(), Program{
			Args: []string{"/ends", c.way}, Env: []string{"WORD=hello"},
			Data:    func(p []byte) { data.Write(p) },
			Console: func(_ uint32, text []byte) { console.Write(text) },
		})
		if err != nil {
			t.Fatal(err)
		}
		if end.Status != c.status || !strings.Contains(end.Why, c.why) ||
			data.String() != "data" || console.String() != "hello\n" {
			t.Errorf("%s: %+v, data %q, console %q", c.way, end, &data, &console)
		}
	}
}

func TestAProgramEndsWithItsContext(t *testing.T) {
	h := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	env := []string{"WORD=hello"}
	_, err := h.Run(ctx, Program{
		Args: []string{"/ends", "sleep"}, Env: env, Console: func(uint32, []byte) { cancel() },
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if end, err := h.Run(t.Context(), Program{Args: []string{"/ends", "3"}, Env: env}); err != nil || end.Status != 3 {
		t.Errorf("the next program: %+v, %v", end, err)
	}
}
