package unikernel

import (
	"fmt"
	"testing"
)

// renewedFor is a renewed blank, by its id, that served an account.
func renewedFor(id uint32, account string) blank {
	return blank{id: id, told: &runOrder{}, ran: tenancy{account, true}}
}

// held counts a stock's blanks by account; "fork" are those that ran nothing.
func held(s *stock) map[string]int {
	all := map[string]int{}
	for _, b := range s.blanks {
		if b.ran.ran {
			all[b.ran.account]++
		} else {
			all["fork"]++
		}
	}
	return all
}

func TestStockGivesARenewedBlankToItsAccountAlone(t *testing.T) {
	s := stock{keeps: 8}
	for i, account := range []string{"a", "b", "", "a"} {
		s.put(renewedFor(uint32(i), account))
	}
	s.put(blank{id: 9})
	for _, c := range []struct {
		want tenancy
		id   uint32
	}{
		{tenancy{"a", true}, 3}, {tenancy{"", true}, 2}, {tenancy{"a", true}, 0},
		{tenancy{"a", true}, 9}, // a fork serves anyone
		{tenancy{}, 1},          // and so does any blank a UC without a function
	} {
		if got, ok := s.take(c.want); !ok || got.id != c.id {
			t.Fatalf("for %+v: blank %d, %v, want %d", c.want, got.id, ok, c.id)
		}
	}
	s.put(renewedFor(4, "b"))
	if got, ok := s.take(tenancy{"a", true}); ok || s.serves(tenancy{"a", true}) {
		t.Errorf("account a gets blank %d of account b", got.id)
	}
}

// However many accounts there are, the stock stays within its room, and each
// account that comes has a share in it.
func TestStockIsBoundedAndFairToAccounts(t *testing.T) {
	s := stock{keeps: 4}
	const room = 8
	put := func(b blank) {
		t.Helper()
		if s.put(b); len(s.blanks) > room {
			t.Fatalf("%d blanks are in stock, the room is %d", len(s.blanks), room)
		}
	}
	for i := range 20 {
		put(renewedFor(uint32(i), "greedy"))
	}
	if s.admits(tenancy{"greedy", true}) {
		t.Error("an account alone gets more than the room")
	}
	for i := range 3 {
		if !s.admits(tenancy{"b", true}) {
			t.Errorf("account b finds no room for blank %d", i)
		}
		put(renewedFor(uint32(100+i), "b"))
	}
	put(renewedFor(200, "c"))
	put(blank{id: 300})
	want := map[string]int{"greedy": 3, "b": 3, "c": 1, "fork": 1}
	if got := held(&s); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the stock has %v, want %v", got, want)
	}
	for i := range 1000 {
		put(renewedFor(uint32(1000+i), fmt.Sprint(i)))
	}
	if n := len(s.shares); n > 3*room {
		t.Errorf("%d accounts are remembered for %d blanks", n, room)
	}
	total := s.common.held
	for account, sh := range s.shares {
		if got := held(&s)[account]; got != sh.held {
			t.Errorf("account %s holds %d blanks and counts %d", account, got, sh.held)
		}
		total += sh.held
	}
	if total != len(s.blanks) {
		t.Errorf("shares of %d blanks in a stock of %d", total, len(s.blanks))
	}
}

// An account for which nothing is left gets forks, whatever others have in
// stock; one whose UCs come back needs none.
func TestStockOfOthersBlanksIsLow(t *testing.T) {
	s := stock{keeps: 4}
	for i := range 8 {
		s.put(renewedFor(uint32(i), "a"))
	}
	if !s.low(tenancy{"b", true}) {
		t.Error("account b, which has no blank, gets no fork")
	}
	if s.low(tenancy{"a", true}) {
		t.Error("account a, which has eight blanks, gets a fork")
	}
	if surplus, over := s.put(blank{id: 50}); !over || surplus.id != 0 {
		t.Errorf("the fork takes the place of blank %d, want the oldest", surplus.id)
	}
	if got, ok := s.take(tenancy{"b", true}); !ok || got.id != 50 {
		t.Errorf("account b gets blank %d, %v, want the fork", got.id, ok)
	}
	for range 3 {
		s.take(tenancy{"a", true})
	}
	for range 4 {
		uc, _ := s.take(tenancy{"a", true})
		if s.low(tenancy{"a", true}) {
			t.Error("UCs that come back as fast as they are taken are replaced by forks")
		}
		s.put(uc)
	}
}
