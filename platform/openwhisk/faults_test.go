package openwhisk_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/platform/body/bodytest"
	"github.com/lambdabench/lambdabench/platform/door"
	"github.com/lambdabench/lambdabench/platform/openwhisk"
	"github.com/lambdabench/lambdabench/platform/sqlite"
	"github.com/lambdabench/lambdabench/platform/sqlite/sqlitetest"
	"github.com/lambdabench/lambdabench/platform/store"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// answers runs nothing: every invocation ends well.
type answers struct{}

func (answers) Invoke(context.Context, worker.Request) (worker.Response, error) {
	return worker.Response{Result: isolation.Result{Payload: []byte(`{"result":{}}`)}}, nil
}

// openFront is the API with an action "there", over an invoker that runs
// nothing. A body has 50 ms.
func openFront(t *testing.T) (*openwhisk.API, *client) {
	t.Helper()
	dir := t.TempDir()
	st, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	cfg := openwhisk.Config{Dir: dir, Runtimes: []string{"nodejs20.x"}}
	a, err := openwhisk.Open(cfg.WithBodyTime(50*time.Millisecond), st, answers{})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(a)
	t.Cleanup(func() {
		srv.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		a.Close(ctx) // an error where the test broke the database
	})
	c := &client{t, srv.URL, openwhisk.GuestKey}
	c.put("there", "nodejs:20", "function main() {}", nil)
	return a, c
}

var guest = "Basic " + base64.StdEncoding.EncodeToString([]byte(openwhisk.GuestKey))

func TestBodiesThatStallAreNotWaitedFor(t *testing.T) {
	_, c := openFront(t)
	for _, s := range []struct {
		method, path, key string
		status            int
		want              string
	}{
		{"PUT", "/_/actions/a", guest, 408, "body did not arrive in time"},
		{"PUT", "/_/packages/p", guest, 408, "body did not arrive in time"},
		{"POST", "/_/actions/there?blocking=true", guest, 408, "body did not arrive in time"},
		{"POST", "/_/actions/there", "Basic bm86bm8=", 401, "authentication"}, // reads none
	} {
		status, answer := bodytest.Stall(t, c.base, s.method, "/api/v1/namespaces"+s.path, "Authorization: "+s.key)
		if status != s.status || !strings.Contains(answer, s.want) || !strings.Contains(answer, `"code":`) {
			t.Errorf("%s %s: %d %s; want %d with %q", s.method, s.path, status, answer, s.status, s.want)
		}
	}
	if status, _ := c.do("POST", "/_/actions/there", "{}"); status != http.StatusAccepted {
		t.Errorf("after them: status %d", status)
	}
}

func TestADatabaseThatFailsIsNamedWithWhatHelps(t *testing.T) {
	const action = `{"exec":{"kind":"nodejs:20","code":"function main() {}"},"annotations":[{"key":"a","value":"%s"}]}`
	large := fmt.Sprintf(action, strings.Repeat("x", 100<<10))
	writes := [][3]string{
		{"PUT", "/_/actions/a", large},
		{"PUT", "/_/actions/there?overwrite=true", large},
		{"PUT", "/_/packages/p", `{"annotations":[{"key":"a","value":"` + strings.Repeat("x", 100<<10) + `"}]}`},
	}
	for name, c := range map[string]struct {
		pragma string // that breaks it; "": it is closed
		status int
		says   string
		calls  [][3]string
	}{
		"full": {"PRAGMA max_page_count = 1", 507, "make room on its disk", writes},
		"read-only": {"PRAGMA query_only = 1", 500, "let the platform's user write to it",
			append(writes, [3]string{"POST", "/_/actions/there", "{}"}, [3]string{"DELETE", "/_/actions/there", ""})},
		"closed": {"", 500, "see the platform's log", append(writes, [3]string{"POST", "/_/actions/there", "{}"},
			[3]string{"GET", "/_/actions/there", ""},
			[3]string{"GET", "/_/activations", ""}, [3]string{"GET", "/_/activations?count=true", ""},
			[3]string{"GET", "/_/activations/" + strings.Repeat("0", 32), ""})},
	} {
		t.Run(name, func(t *testing.T) {
			api, f := openFront(t)
			if c.pragma == "" {
				api.Database().Close()
			} else if _, err := api.Database().Exec(c.pragma); err != nil {
				t.Fatal(err)
			}
			for _, call := range c.calls {
				status, m := f.do(call[0], call[1], call[2])
				text, _ := m["error"].(string)
				if code, _ := m["code"].(string); status != c.status || len(code) != 32 ||
					!strings.Contains(text, openwhisk.DatabaseFile) || !strings.Contains(text, c.says) {
					t.Errorf("%s %s: %d %v; want %d, and %q of %s", call[0], call[1], status, m, c.status, c.says,
						openwhisk.DatabaseFile)
				}
			}
		})
	}
}

func TestNothingIsAcknowledgedWithoutTheDatabasesFile(t *testing.T) {
	api, c := openFront(t)
	if err := api.Health(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(api.Dir(), openwhisk.DatabaseFile)); err != nil {
		t.Fatal(err)
	}
	if err := api.Health(); !errors.Is(err, sqlite.ErrGone) {
		t.Errorf("health: %v", err)
	}
	for _, call := range [][3]string{
		{"PUT", "/_/actions/a", `{"exec":{"kind":"nodejs:20","code":"function main() {}"}}`},
		{"PUT", "/_/packages/p", `{}`},
		{"POST", "/_/actions/there", "{}"},
		{"DELETE", "/_/actions/there", ""},
	} {
		status, m := c.do(call[0], call[1], call[2])
		if text, _ := m["error"].(string); status != 500 || !strings.Contains(text, "put the directory back") {
			t.Errorf("%s %s: %d %v", call[0], call[1], status, m)
		}
	}
}

func TestADamagedActionIsSaidAndTheOthersAreServed(t *testing.T) {
	api, c := openFront(t)
	c.put("other", "nodejs:20", "function main() {}", nil)
	if _, err := api.Database().Exec(`UPDATE actions SET record = '{' WHERE name = 'there'`); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	if err := api.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	functions := api.Store().Of(store.Owner{Door: "openwhisk", Account: "guest"})
	cfg := openwhisk.Config{Dir: api.Dir(), Runtimes: []string{"nodejs20.x"},
		Hooks: door.Hooks{Log: slog.New(slog.NewTextHandler(&log, nil))}}
	again, err := openwhisk.Open(cfg, api.Store(), answers{})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close(context.Background())
	if !strings.Contains(log.String(), "action guest//there") {
		t.Errorf("the log says %s", &log)
	}
	if page, _ := functions.List("", 10); len(page) != 2 {
		t.Errorf("%d functions are left of 2", len(page))
	}
}

// The first frame of the log is damaged, so that SQLite drops the actions. Their functions
// stay, at further starts too, until the copy of the log is removed.
func TestFunctionsOfLostActionsStayUntilTheCopyIsRemoved(t *testing.T) {
	api, c := openFront(t)
	c.put("other", "nodejs:20", "function main() {}", nil)
	dir := t.TempDir()
	sqlitetest.DamagedCopy(t, api.Dir(), dir, openwhisk.DatabaseFile, 0.01) // in the first frame
	functions := func() (n int, said string) {
		t.Helper()
		st, err := store.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		var log bytes.Buffer
		again, err := openwhisk.Open(openwhisk.Config{Dir: dir, Runtimes: []string{"nodejs20.x"},
			Hooks: door.Hooks{Log: slog.New(slog.NewTextHandler(&log, nil))}}, st, answers{})
		if err != nil {
			t.Fatal(err)
		}
		if err := again.Close(t.Context()); err != nil {
			t.Error(err)
		}
		page, _ := st.Of(store.Owner{Door: "openwhisk", Account: "guest"}).List("", 10)
		return len(page), log.String()
	}
	for start := range 3 {
		n, said := functions()
		if n != 2 {
			t.Errorf("start %d leaves %d functions of 2", start, n)
		}
		told := strings.Contains(said, "openwhisk.db-wal is damaged") && strings.Contains(said, "send again")
		if told != (start == 0) {
			t.Errorf("start %d: the log says %s", start, said)
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, "damaged")); err != nil {
		t.Fatal(err)
	}
	if n, _ := functions(); n != 0 {
		t.Errorf("%d functions without an action are left", n)
	}
}
