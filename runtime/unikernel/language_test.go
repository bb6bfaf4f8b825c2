package unikernel

import (
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

func TestInterpreterThatASandboxCannotSeeIsNamed(t *testing.T) {
	be := newBackend(t, Config{})
	_, err := be.Boot(t.Context(), isolation.BootSpec{Interpreter: isolation.Interpreter{
		Runtime: "nodejs20.x", Language: isolation.NodeJS, Version: "20.1.0", Path: "/tmp/node/bin/node"}})
	if err == nil || !strings.Contains(err.Error(), "/tmp/node/bin/node: a sandbox has a /tmp/ of its own") {
		t.Errorf("boot gave %v", err)
	}
}

func TestNodeIsGivenTheOptionsThatItHas(t *testing.T) {
	for version, want := range map[string]string{
		"18.20.8": "--wasm-enforce-bounds-checks", "20.11.1": "--wasm-enforce-bounds-checks",
		"21.7.3":  "--wasm-enforce-bounds-checks",
		"20.15.0": "--disable-wasm-trap-handler", "22.3.0": "--disable-wasm-trap-handler",
		"24.0.0": "--disable-wasm-trap-handler",
	} {
		args := interpreterArgs(isolation.Interpreter{Language: isolation.NodeJS, Version: version}, "driver.cjs")
		if args[0] != want {
			t.Errorf("%s: %q, want %s first", version, args, want)
		}
	}
}
