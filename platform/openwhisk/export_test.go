package openwhisk

import (
	"database/sql"
	"time"

	"github.com/lambdabench/lambdabench/platform/store"
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

// Dir is the directory of the database.
func (a *API) Dir() string { return a.cfg.Dir }

// Store is where the actions' functions are.
func (a *API) Store() *store.Store { return a.store }
