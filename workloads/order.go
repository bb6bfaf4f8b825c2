package workloads

import "math/rand/v2"

// Order is a sequence of calls on m functions in which every function occurs
// equally often (the first calls%m once more), shuffled once: the same seed
// gives the same order, so every backend meets the same calls (SEUSS, figure 4).
func Order(m, calls int, seed uint64) []int32 {
	if m <= 0 || calls <= 0 {
		return nil
	}
	order := make([]int32, calls)
	for i := range order {
		order[i] = int32(i % m)
	}
	rand.New(rand.NewPCG(seed, 0x5eed)).Shuffle(calls, func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}

// Cycle picks functions by an order, from its start again when it is used up.
func Cycle(order []int32) func(n int) int {
	return func(n int) int { return int(order[n%len(order)]) }
}
