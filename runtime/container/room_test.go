package container

import (
	"errors"
	"testing"
)

func TestContainerLimitComesFromTheMemoryAtHandUnlessConfigured(t *testing.T) {
	if got := New(Config{}).cfg.Max; got < 1 {
		t.Errorf("the default limit is %d", got)
	}
	if got := New(Config{Max: 7}).cfg.Max; got != 7 {
		t.Errorf("a configured limit of 7 became %d", got)
	}
}

func TestAClosedBackendMakesNoBridge(t *testing.T) {
	b := New(Config{Network: NetworkBridge})
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.HostAddress(t.Context()); !errors.Is(err, errClosed) {
		t.Errorf("error %v", err)
	}
}

func TestBoundsAreTheConfiguredAndTheBridges(t *testing.T) {
	for network, want := range map[Network][]int{NetworkNone: {7}, NetworkBridge: {7, MaxOnBridge}} {
		var got []int
		for _, b := range New(Config{Max: 7, Network: network}).Bounds() {
			got = append(got, b.Sandboxes)
		}
		if len(got) != len(want) || got[0] != want[0] || got[len(got)-1] != want[len(want)-1] {
			t.Errorf("network %s: bounds %v, want %v", network, got, want)
		}
	}
}
