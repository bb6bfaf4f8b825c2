package openwhisk

import (
	"database/sql"
	"time"
)

// DatabaseFile is as errors name it.
const DatabaseFile = databaseFile

// WithBodyTime is cfg with what a body may take, apart from its size.
func (c Config) WithBodyTime(d time.Duration) Config {
	c.bodyTime = d
	return c
}

// Database is for tests that break it.
func (a *API) Database() *sql.DB { return a.db.sql }
