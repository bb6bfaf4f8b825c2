package sqlite

import (
	"errors"

	"golang.org/x/sys/unix"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Failure is an error of a database itself, with a remedy.
type Failure struct {
	File   string // which one, as the user knows it
	Remedy string
	Err    error
}

func (f *Failure) Error() string { return f.File + ": " + f.Err.Error() + "; " + f.Remedy }
func (f *Failure) Unwrap() error { return f.Err }

// Named turns the error of a statement on a file into a Failure; nil stays nil.
func Named(file string, err error) error {
	if err == nil {
		return nil
	}
	return &Failure{file, remedy(err), err}
}

// Full tells that a disk is full, by what the kernel or SQLite says of it.
func Full(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || code(err) == sqlite3.SQLITE_FULL ||
		extended(err) == sqlite3.SQLITE_IOERR_SHMSIZE // the shared memory of the log could not grow
}

// extended is SQLite's extended result code (sqlite.org, rescode.html), 0 where
// err is none of SQLite's.
func extended(err error) int {
	var lite *sqlite.Error
	if !errors.As(err, &lite) {
		return 0
	}
	return lite.Code()
}

// code is SQLite's primary result code.
func code(err error) int { return extended(err) & 0xff }

func remedy(err error) string {
	if Full(err) {
		return "make room on its disk"
	}
	if errors.Is(err, ErrGone) {
		return "nothing is kept until then"
	}
	switch code(err) {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return "another process has it open: end that one"
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN:
		return "let the platform's user write to it and to its directory"
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return "stop the platform, and put a sound copy of it back or move it away"
	case sqlite3.SQLITE_IOERR:
		return "see that its disk has room, and whether the kernel's log reports errors of it"
	}
	return "see the platform's log; a restart opens it anew"
}
