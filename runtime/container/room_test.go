package container

import "testing"

func TestContainerLimitComesFromTheMemoryAtHandUnlessConfigured(t *testing.T) {
	for available, want := range map[uint64]int{0: 1, perContainer - 1: 1, 4 << 30: 256} {
		if got := bears(available); got != want {
			t.Errorf("%d bytes bear %d containers, want %d", available, got, want)
		}
	}
	if got := New(Config{}).cfg.Max; got < 1 {
		t.Errorf("the default limit is %d", got)
	}
	if got := New(Config{Max: 7}).cfg.Max; got != 7 {
		t.Errorf("a configured limit of 7 became %d", got)
	}
}
