package snapshot

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func TestBytesPutIntoTheArenaComeBack(t *testing.T) {
	a, err := NewArena()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	type blob struct {
		want  []byte
		slots []Slot
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var live []blob
	for i := range 300 {
		if i%3 == 2 { // so that later ones lie in slots that do not follow each other
			k := rng.IntN(len(live))
			a.Drop(live[k].slots)
			live[k] = live[len(live)-1]
			live = live[:len(live)-1]
			continue
		}
		want := make([]byte, rng.IntN(5*PageSize))
		for j := range want {
			want[j] = byte(rng.Uint32())
		}
		slots, err := a.Put(want)
		if err != nil {
			t.Fatal(err)
		}
		live = append(live, blob{want, slots})
	}
	for i, b := range live {
		got := make([]byte, len(b.want))
		if err := a.Get(b.slots, got); err != nil || !bytes.Equal(got, b.want) {
			t.Errorf("blob %d of %d bytes in %d is another, %v", i, len(b.want), b.slots, err)
		}
		a.Drop(b.slots)
	}
	if n := a.Bytes(); n != 0 {
		t.Errorf("the arena holds %d bytes of nobody", n)
	}
}
