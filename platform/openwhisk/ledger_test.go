package openwhisk

import (
	"errors"
	"net/http"
	"testing"

	"github.com/lambdabench/lambdabench/platform/store"
)

func TestRecordsThatNobodyWaitsForAreNotLostInSilence(t *testing.T) {
	db, err := openDatabase(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	lost := make(chan int, 1)
	l, err := openLedger(db.sql, 10, 1<<20, func(records int, _ error) { lost <- records })
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
