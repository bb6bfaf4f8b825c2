package host

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func openSwap(t *testing.T) *Swap {
	t.Helper()
	if err := CanSwap(); err != nil {
		t.Skip(err)
	}
	s, err := OpenSwap(t.Context(), 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func wantNoDevice(t *testing.T, s *Swap) {
	t.Helper()
	if on, err := swapsOn(s.device()); on || err != nil {
		t.Errorf("swap is on, %v", err)
	}
	for _, path := range []string{s.device(), s.note} {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s is left (%v)", path, err)
		}
	}
}

func TestSwapIsOnUntilItIsClosed(t *testing.T) {
	s := openSwap(t)
	if on, err := swapsOn(s.device()); !on || err != nil {
		t.Errorf("swap is not on, %v", err)
	}
	if _, err := s.Used(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wantNoDevice(t, s)
}

func TestSwapOfAKilledRunIsRemovedByTheNext(t *testing.T) {
	s := openSwap(t)
	// The owner becomes a process above the kernel's largest number.
	note := filepath.Join(swapNotes, fmt.Sprintf("%s%d-1-1", swapPrefix, 1<<22+1))
	if err := os.Rename(s.note, note); err != nil {
		t.Fatal(err)
	}
	s.note = note
	next := openSwap(t) // may have the number of the one that is gone
	if _, err := os.Stat(note); !os.IsNotExist(err) {
		t.Errorf("%s is left (%v)", note, err)
	}
	if err := next.Close(); err != nil {
		t.Fatal(err)
	}
	wantNoDevice(t, s)
}

func TestNoSwapTakesNothing(t *testing.T) {
	var none *Swap
	if used, err := none.Used(); used != 0 || err != nil {
		t.Errorf("%d, %v", used, err)
	}
	if err := none.Close(); err != nil {
		t.Error(err)
	}
}
