package openwhisk

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lambdabench/lambdabench/platform/store"
)

func TestRecordsThatNobodyWaitsForAreNotLostInSilence(t *testing.T) {
	db, err := openDatabase(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	lost := make(chan int, 1)
	l, err := openLedger(db, 10, 1<<20, func() {}, func(records int, _ error) { lost <- records })
	if err != nil {
		t.Fatal(err)
	}
	if err := db.close(); err != nil { // as when the disk is gone
		t.Fatal(err)
	}
	if err := l.keep(&Activation{ID: "a"}, false); err != nil {
		t.Fatal(err)
	}
	if n := <-lost; n != 1 {
		t.Errorf("%d records are said to be lost", n)
	}
	if l.close() == nil {
		t.Error("Close says nothing of it")
	}
}

func TestAFullDiskHasItsStatus(t *testing.T) {
	if got := translate(errors.Join(store.ErrDiskFull)); got.status != http.StatusInsufficientStorage {
		t.Errorf("status %d", got.status)
	}
}

func TestWhatWaitsAtTheEndIsWrittenTogether(t *testing.T) {
	db, err := openDatabase(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	batches := make(chan int, 1000)
	l, err := openLedger(db, 10_000, 1<<30, func() {}, func(records int, _ error) { batches <- records })
	if err != nil {
		t.Fatal(err)
	}
	held, err := db.sql.Conn(t.Context()) // the writer waits for the only connection
	if err != nil {
		t.Fatal(err)
	}
	const records = 1000
	for i := range records {
		if err := l.keep(&Activation{ID: fmt.Sprint(i)}, false); err != nil {
			t.Fatal(err)
		}
	}
	closed := make(chan error, 1)
	go func() { closed <- l.close() }()
	for { // until the ledger takes no more
		if err := l.keep(&Activation{ID: "late"}, false); errors.Is(err, errClosing) {
			break
		}
	}
	db.close() // so that each transaction fails, and tells how many records it has
	held.Close()
	if err := <-closed; err == nil {
		t.Error("the failure is not told")
	}
	if n := len(batches); n > 4 {
		t.Errorf("%d records in %d transactions", records, n)
	}
}

func TestARecordThatWasTakenIsWritten(t *testing.T) {
	db, err := openDatabase(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer db.close()
	l, err := openLedger(db, 100_000, 1<<30, func() {}, func(int, error) {})
	if err != nil {
		t.Fatal(err)
	}
	var taken atomic.Int64
	var senders sync.WaitGroup
	for s := range 8 {
		senders.Go(func() {
			for i := 0; ; i++ {
				if err := l.keep(&Activation{ID: fmt.Sprint(s, "-", i)}, i%16 == 0); err != nil {
					return
				}
				taken.Add(1)
			}
		})
	}
	for taken.Load() < 1000 {
		runtime.Gosched()
	}
	if err := errors.Join(l.close(), l.close()); err != nil {
		t.Fatal(err)
	}
	senders.Wait()
	var kept int64
	if err := db.sql.QueryRow(`SELECT count(*) FROM activations`).Scan(&kept); err != nil || kept != taken.Load() {
		t.Errorf("%d records of %d that were taken are on disk, %v", kept, taken.Load(), err)
	}
}
