package platform

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/lambdabench/lambdabench/platform/openwhisk"
	"github.com/lambdabench/lambdabench/platform/sqlite"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// whisk asks the OpenWhisk door, as namespace guest.
func whisk(t *testing.T, url, method, path string, body any) (int, map[string]any) {
	t.Helper()
	status, m, err := askWhisk(t.Context(), url, method, path, body)
	if err != nil {
		t.Fatal(err)
	}
	return status, m
}

func askWhisk(ctx context.Context, url, method, path string, body any) (int, map[string]any, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, url+"/api/v1/namespaces"+path, bytes.NewReader(data))
	if err != nil {
		return 0, nil, err
	}
	user, key, _ := strings.Cut(openwhisk.GuestKey, ":")
	req.SetBasicAuth(user, key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, nil, err
	}
	var m map[string]any
	json.Unmarshal(answer, &m) // a list is none
	return res.StatusCode, m, nil
}

// putAction makes an action that returns a word.
func putAction(t *testing.T, url, name, word string) {
	t.Helper()
	code := "function main() { return {word: '" + word + "'} }"
	exec := map[string]any{"exec": map[string]any{"kind": "nodejs:default", "code": code}}
	if status, m := whisk(t, url, "PUT", "/_/actions/"+name+"?overwrite=true", exec); status != http.StatusOK {
		t.Fatalf("%d %v", status, m)
	}
}

// wantWord calls an action.
func wantWord(t *testing.T, url, name, word string) {
	t.Helper()
	if status, m := whisk(t, url, "POST", "/_/actions/"+name+"?blocking=true&result=true",
		struct{}{}); status != http.StatusOK || m["word"] != word {
		t.Errorf("action %s: %d %v, want %q", name, status, m, word)
	}
}

func TestADoorShowsAndSweepsItsOwnFunctionsAlone(t *testing.T) {
	defer http.DefaultClient.CloseIdleConnections()
	in, data := runtimetest.Interpreter(t, isolation.NodeJS), dataDir(t)
	r := serve(t, Config{Data: data})
	create(t, r.Client, in, "ow-billing", `exports.handler = async () => 'lambda'`, nil)
	create(t, r.Client, in, "same", `exports.handler = async () => 'lambda'`, nil)
	putAction(t, r.url, "same", "action")
	putAction(t, r.url, "secret", "action")

	list, err := r.Client.ListFunctions(t.Context(), &lambda.ListFunctionsInput{})
	if err != nil || len(list.Functions) != 2 {
		t.Fatalf("the Lambda door lists %+v, %v", list, err)
	}
	actions := r.Store.Of(r.Store.Owners("openwhisk")[0])
	page, _ := actions.List("", 10)
	if len(page) != 2 {
		t.Fatalf("%d functions of actions", len(page))
	}
	for _, fn := range page {
		for name, call := range map[string]func() error{
			"get": func() error {
				_, err := r.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: &fn.Name})
				return err
			},
			"invoke": func() error {
				_, err := r.Client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &fn.Name})
				return err
			},
			"delete": func() error {
				_, err := r.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: &fn.Name})
				return err
			},
		} {
			if err := call(); err == nil || !strings.Contains(err.Error(), "ResourceNotFound") {
				t.Errorf("%s %s at the Lambda door: %v", name, fn.Name, err)
			}
		}
		res, err := http.Get(r.url + "/code/" + fn.Name)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusNotFound {
			t.Errorf("code of %s: status %d", fn.Name, res.StatusCode)
		}
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}

	r = serve(t, Config{Data: data})
	for _, name := range []string{"ow-billing", "same"} {
		if out := invoke(t, r.Client, name, "{}"); string(out.Payload) != `"lambda"` {
			t.Errorf("%s after a restart: %s", name, out.Payload)
		}
	}
	wantWord(t, r.url, "same", "action")
	wantWord(t, r.url, "secret", "action")
}

// version0 takes a data directory back to when functions had no owners, and
// actions' functions had a prefix.
const version0 = `
ALTER TABLE functions RENAME TO f; ALTER TABLE events RENAME TO e;
CREATE TABLE functions (name TEXT NOT NULL, version TEXT NOT NULL, record TEXT NOT NULL,
	PRIMARY KEY (name, version)) WITHOUT ROWID;
CREATE TABLE events (id TEXT PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL, payload BLOB, context BLOB,
	accepted INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO functions SELECT
	iif(door = 'openwhisk', 'ow-', '') || name, version,
	iif(door = 'openwhisk', json_set(record, '$.name', 'ow-' || name), record) FROM f;
INSERT INTO functions SELECT 'ow-left-over', version, json_set(record, '$.name', 'ow-left-over') FROM f
	WHERE door = 'openwhisk' LIMIT 1;
DROP TABLE f; DROP TABLE e;
PRAGMA user_version = 0;
`

func TestADataDirectoryWithoutOwnersOpensAndIsRight(t *testing.T) {
	defer http.DefaultClient.CloseIdleConnections()
	in, data := runtimetest.Interpreter(t, isolation.NodeJS), dataDir(t)
	r := serve(t, Config{Data: data})
	create(t, r.Client, in, "ow-billing", `exports.handler = async () => 'lambda'`, nil)
	putAction(t, r.url, "billing", "action")
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	for file, change := range map[string]string{
		"functions.db": version0,
		"openwhisk.db": `UPDATE actions SET record =
			json_set(record, '$.function', 'ow-' || json_extract(record, '$.function'))`,
	} {
		db, err := sqlite.Open(filepath.Join(data, file))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(change); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		db.Close()
	}
	for range 2 {
		r = serve(t, Config{Data: data})
		if out := invoke(t, r.Client, "ow-billing", "{}"); string(out.Payload) != `"lambda"` {
			t.Errorf("%s", out.Payload)
		}
		if list, err := r.Client.ListFunctions(t.Context(), &lambda.ListFunctionsInput{}); err != nil ||
			len(list.Functions) != 1 {
			t.Errorf("the Lambda door lists %+v, %v", list, err)
		}
		wantWord(t, r.url, "billing", "action")
		if owners := r.Store.Owners("openwhisk"); len(owners) != 1 || owners[0].Account != "guest" {
			t.Errorf("owners: %v", owners)
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnActionWhoseFunctionIsMissingGetsItBack(t *testing.T) {
	defer http.DefaultClient.CloseIdleConnections()
	runtimetest.Interpreter(t, isolation.NodeJS)
	data := dataDir(t)
	r := serve(t, Config{Data: data})
	putAction(t, r.url, "a", "action")
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(filepath.Join(data, "functions.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`DELETE FROM functions`); err != nil {
		t.Fatal(err)
	}
	db.Close()
	r = serve(t, Config{Data: data})
	wantWord(t, r.url, "a", "action")
}
