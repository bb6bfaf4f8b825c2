package worker

import (
	"container/heap"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// wanted is a function snapshot that is to be taken in the background.
type wanted struct {
	fn   *function
	lang *language
	code isolation.Function
	took time.Duration // the import that found the snapshot missing

	misses int    // invocations that had no snapshot
	last   uint64 // when the last of them was, counted in misses of all functions
	index  int    // in the queue
}

// captureQueue holds the snapshots that are to be taken, the most useful first:
// of the function that was missed most often, and of those the last one. The
// zero value is empty. It is guarded by Worker.mu.
type captureQueue struct {
	all    []*wanted // a heap
	misses uint64
}

func (q *captureQueue) add(fn *function, lang *language, code isolation.Function, took time.Duration) *wanted {
	q.misses++
	job := &wanted{fn: fn, lang: lang, code: code, took: took, misses: 1, last: q.misses}
	heap.Push(q, job)
	return job
}

// missed counts a further invocation that had no snapshot.
func (q *captureQueue) missed(job *wanted) {
	q.misses++
	job.misses++
	job.last = q.misses
	heap.Fix(q, job.index)
}

// next takes the most useful one out; nil where there is none.
func (q *captureQueue) next() *wanted {
	if len(q.all) == 0 {
		return nil
	}
	return heap.Pop(q).(*wanted)
}

// first is what next would take out.
func (q *captureQueue) first() *wanted {
	if len(q.all) == 0 {
		return nil
	}
	return q.all[0]
}

// Len, Less, Swap, Push and Pop are heap.Interface.
func (q *captureQueue) Len() int { return len(q.all) }

func (q *captureQueue) Less(i, j int) bool {
	a, b := q.all[i], q.all[j]
	if a.misses != b.misses {
		return a.misses > b.misses
	}
	return a.last > b.last
}

func (q *captureQueue) Swap(i, j int) {
	q.all[i], q.all[j] = q.all[j], q.all[i]
	q.all[i].index, q.all[j].index = i, j
}

func (q *captureQueue) Push(x any) {
	job := x.(*wanted)
	job.index = len(q.all)
	q.all = append(q.all, job)
}

func (q *captureQueue) Pop() any {
	last := len(q.all) - 1
	job := q.all[last]
	q.all[last] = nil
	q.all = q.all[:last]
	return job
}
