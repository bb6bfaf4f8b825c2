package store

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/lambdabench/lambdabench/platform/lambdatest"
)

// BenchmarkCreate creates functions one by one, as the API does; each has a
// package of its own.
func BenchmarkCreate(b *testing.B) {
	s := open(b, b.TempDir())
	i := 0
	for b.Loop() {
		i++
		if _, err := s.Of(lambdas).Create(hello(fmt.Sprint("f-", i)),
			lambdatest.Zip(b, "index.js", fmt.Sprint(i))); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCreateMany creates populations of functions with packages of their
// own, and says what one function takes in memory.
func BenchmarkCreateMany(b *testing.B) {
	const n = 4096
	s := open(b, b.TempDir())
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	made := 0
	for b.Loop() {
		all := make([]Creation, n)
		for i := range all {
			all[i] = Creation{hello(fmt.Sprint("f-", made+i)), lambdatest.Zip(b, "index.js", fmt.Sprint(made+i))}
		}
		made += n
		if _, err := s.Of(lambdas).CreateMany(all); err != nil {
			b.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(made)/b.Elapsed().Seconds(), "functions/s")
	b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/float64(made), "B/function")
}

// BenchmarkGet is what every invocation does.
func BenchmarkGet(b *testing.B) {
	s := open(b, b.TempDir())
	all := make([]Creation, 65536)
	code := lambdatest.Zip(b, "index.js", "x")
	for i := range all {
		all[i] = Creation{hello(fmt.Sprintf("f-%05d", i)), code}
	}
	if _, err := s.Of(lambdas).CreateMany(all); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i = (i + 7919) % len(all)
		if _, err := s.Of(lambdas).Get(all[i].Name, ""); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAddEvent is what an asynchronous invocation waits for.
func BenchmarkAddEvent(b *testing.B) {
	s := open(b, b.TempDir())
	i := 0
	for b.Loop() {
		i++
		id := fmt.Sprint(i)
		if err := s.Of(lambdas).AddEvent(Event{ID: id, Name: "f", Payload: []byte("{}")}); err != nil {
			b.Fatal(err)
		}
		if err := s.Of(lambdas).DropEvent(id); err != nil {
			b.Fatal(err)
		}
	}
}
