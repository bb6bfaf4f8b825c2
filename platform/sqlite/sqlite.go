// Package sqlite opens the platform's databases: SQLite files that are written
// ahead and synced, so that what was committed survives a kill.
//
//	db, err := sqlite.Open(filepath.Join(dir, "functions.db"), "locking_mode(EXCLUSIVE)")
//
// It adds to database/sql the remedy to an error (Named), the modes of the files,
// and what SQLite passes over in silence: a damaged log (Rescue), and a file that
// was removed (Place). It knows no schema.
package sqlite

import (
	"database/sql"
	"net/url"

	_ "modernc.org/sqlite" // the driver
)

// Open opens or creates the file at path, which this user alone may read
// afterwards, with further pragmas (sqlite.org, pragma.html). The path may have
// any characters: those that mean something in SQLite's URIs are escaped. An
// error of the file shows at the first statement.
func Open(path string, pragmas ...string) (*sql.DB, error) {
	private(path)
	q := url.Values{"_pragma": append([]string{"journal_mode(WAL)", "synchronous(FULL)"}, pragmas...)}
	u := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}
	return sql.Open("sqlite", u.String())
}
