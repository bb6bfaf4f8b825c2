package store

import (
	"database/sql"
	"fmt"
)

// databaseFile is in the data directory.
const databaseFile = "functions.db"

// schemaVersion is the database's user_version. Version 0 had no owners.
const schemaVersion = 1

const schema = `
CREATE TABLE functions (
	door TEXT NOT NULL,
	account TEXT NOT NULL,
	name TEXT NOT NULL,
	version TEXT NOT NULL,
	record TEXT NOT NULL,
	PRIMARY KEY (door, account, name, version)
) WITHOUT ROWID;
CREATE TABLE events (
	id TEXT PRIMARY KEY,
	door TEXT NOT NULL,
	account TEXT NOT NULL,
	name TEXT NOT NULL,
	version TEXT NOT NULL,
	payload BLOB,
	context BLOB,
	accepted INTEGER NOT NULL -- nanoseconds since 1970
) WITHOUT ROWID;
`

// fromVersion0 gives what a database without owners holds to the zero Owner.
const fromVersion0 = `
ALTER TABLE functions RENAME TO functions0;
ALTER TABLE events RENAME TO events0;
` + schema + `
INSERT INTO functions SELECT '', '', name, version, record FROM functions0;
INSERT INTO events SELECT id, '', '', name, version, payload, context, accepted FROM events0;
DROP TABLE functions0;
DROP TABLE events0;
`

// migrate brings the database to schemaVersion, in one transaction. It reports
// whether there was none before.
func migrate(db *sql.DB) (fresh bool, err error) {
	tx, err := db.Begin()
	if err != nil {
		return false, err
	}
	defer tx.Rollback()
	var version, old int
	if err := tx.QueryRow(`PRAGMA user_version`).Scan(&version); err != nil {
		return false, err
	}
	switch {
	case version == schemaVersion:
		return false, nil
	case version > schemaVersion:
		return false, fmt.Errorf("it has schema %d, this platform knows %d at most: use the platform that made it",
			version, schemaVersion)
	}
	err = tx.QueryRow(`SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'functions'`).Scan(&old)
	if err != nil {
		return false, err
	}
	change := schema
	if old > 0 {
		change = fromVersion0
	}
	if _, err := tx.Exec(change); err != nil {
		return false, err
	}
	if _, err := tx.Exec(fmt.Sprintf(`PRAGMA user_version = %d`, schemaVersion)); err != nil {
		return false, err
	}
	return old == 0, tx.Commit()
}
