package zygote

import (
	"fmt"
	"testing"
)

// resetFor is a reset spare, by its id, that served an account.
func resetFor(id uint32, account string) Child {
	return Child{id: id, next: &Run{}, Ran: Tenancy{account, true}}
}

// held counts a pool's spares by account; "fork" are those that ran nothing.
func held(s *pool) map[string]int {
	all := map[string]int{}
	for _, b := range s.spares {
		if b.Ran.Ran {
			all[b.Ran.Account]++
		} else {
			all["fork"]++
		}
	}
	return all
}

func TestPoolGivesAResetSpareToItsAccountAlone(t *testing.T) {
	s := pool{size: 8}
	for i, account := range []string{"a", "b", "", "a"} {
		s.put(resetFor(uint32(i), account))
	}
	s.put(Child{id: 9})
	for _, c := range []struct {
		want Tenancy
		id   uint32
	}{
		{Tenancy{"a", true}, 3}, {Tenancy{"", true}, 2}, {Tenancy{"a", true}, 0},
		{Tenancy{"a", true}, 9}, // a fork serves anyone
		{Tenancy{}, 1},          // and so does any spare a UC without a function
	} {
		if got, ok := s.get(c.want); !ok || got.id != c.id {
			t.Fatalf("for %+v: spare %d, %v, want %d", c.want, got.id, ok, c.id)
		}
	}
	s.put(resetFor(4, "b"))
	if got, ok := s.get(Tenancy{"a", true}); ok || s.serves(Tenancy{"a", true}) {
		t.Errorf("account a gets spare %d of account b", got.id)
	}
}

// However many accounts there are, the pool stays within its room, and each
// account that comes has a share in it.
func TestPoolIsBoundedAndFairToAccounts(t *testing.T) {
	s := pool{size: 4}
	const room = 8
	put := func(b Child) {
		t.Helper()
		if s.put(b); len(s.spares) > room {
			t.Fatalf("%d spares are in the pool, the room is %d", len(s.spares), room)
		}
	}
	for i := range 20 {
		put(resetFor(uint32(i), "greedy"))
	}
	if s.admits(Tenancy{"greedy", true}) {
		t.Error("an account alone gets more than the room")
	}
	for i := range 3 {
		if !s.admits(Tenancy{"b", true}) {
			t.Errorf("account b finds no room for spare %d", i)
		}
		put(resetFor(uint32(100+i), "b"))
	}
	put(resetFor(200, "c"))
	put(Child{id: 300})
	want := map[string]int{"greedy": 3, "b": 3, "c": 1, "fork": 1}
	if got := held(&s); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the pool has %v, want %v", got, want)
	}
	for i := range 1000 {
		put(resetFor(uint32(1000+i), fmt.Sprint(i)))
	}
	if n := len(s.shares); n > 3*room {
		t.Errorf("%d accounts are remembered for %d spares", n, room)
	}
	total := s.common.held
	for account, sh := range s.shares {
		if got := held(&s)[account]; got != sh.held {
			t.Errorf("account %s holds %d spares and counts %d", account, got, sh.held)
		}
		total += sh.held
	}
	if total != len(s.spares) {
		t.Errorf("shares of %d spares in a pool of %d", total, len(s.spares))
	}
}

// An account for which nothing is left gets forks, whatever others have in
// pool; one whose UCs come back needs none.
func TestPoolOfOthersSparesIsLow(t *testing.T) {
	s := pool{size: 4}
	for i := range 8 {
		s.put(resetFor(uint32(i), "a"))
	}
	if !s.demand(Tenancy{"b", true}) {
		t.Error("account b, which has no spare, gets no fork")
	}
	if s.demand(Tenancy{"a", true}) {
		t.Error("account a, which has eight spares, gets a fork")
	}
	if surplus, over := s.put(Child{id: 50}); !over || surplus.id != 0 {
		t.Errorf("the fork takes the place of spare %d, want the oldest", surplus.id)
	}
	if got, ok := s.get(Tenancy{"b", true}); !ok || got.id != 50 {
		t.Errorf("account b gets spare %d, %v, want the fork", got.id, ok)
	}
	for range 3 {
		s.get(Tenancy{"a", true})
	}
	for range 4 {
		uc, _ := s.get(Tenancy{"a", true})
		if s.demand(Tenancy{"a", true}) {
			t.Error("UCs that come back as fast as they are taken are replaced by forks")
		}
		s.put(uc)
	}
}
