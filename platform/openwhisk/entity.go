package openwhisk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/platform/body"
)

// Bounds of an action, as in OpenWhisk's reference but for the memory, of which
// this platform allows as much as AWS Lambda.
const (
	defaultTimeout = 60_000 // ms
	minTimeout     = 100
	maxTimeout     = 300_000
	defaultMemory  = 256 // MB
	minMemory      = 128
	maxMemory      = 10240
	maxLogs        = 10 // MB, and the default
	maxParameters  = 1 << 20
	maxCode        = 48 << 20
	maxProcesses   = 1024 // and threads, of a sandbox, as at the gateway
)

// KeyValue is a parameter or an annotation.
type KeyValue struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

// Limits of an action.
type Limits struct {
	Timeout     *int `json:"timeout,omitempty"` // ms
	Memory      *int `json:"memory,omitempty"`  // MB
	Logs        *int `json:"logs,omitempty"`    // MB
	Concurrency *int `json:"concurrency,omitempty"`
}

// Exec is an action's code.
type Exec struct {
	Kind   string  `json:"kind"`
	Code   *string `json:"code,omitempty"`
	Binary bool    `json:"binary"`
	Main   string  `json:"main,omitempty"`
}

// Action is one as it is stored. Values are not changed once they are.
type Action struct {
	Namespace   string     `json:"namespace"`
	Package     string     `json:"package"`
	Name        string     `json:"name"`
	Version     string     `json:"version"`
	Publish     bool       `json:"publish"`
	Parameters  []KeyValue `json:"parameters"`
	Annotations []KeyValue `json:"annotations"`
	Limits      Limits     `json:"limits"`
	Exec        Exec       `json:"exec"` // without its code
	Updated     int64      `json:"updated"`
	Function    string     `json:"function"` // the store's name
}

// Package is one as it is stored.
type Package struct {
	Namespace   string     `json:"namespace"`
	Name        string     `json:"name"`
	Version     string     `json:"version"`
	Publish     bool       `json:"publish"`
	Parameters  []KeyValue `json:"parameters"`
	Annotations []KeyValue `json:"annotations"`
	Binding     *Binding   `json:"binding,omitempty"`
	Updated     int64      `json:"updated"`
}

// Binding is the package that another one stands for.
type Binding struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// path is an action's namespace as the API shows it: with its package.
func (c *Action) path() string {
	if c.Package == "" {
		return c.Namespace
	}
	return c.Namespace + "/" + c.Package
}

func (c *Action) summary() map[string]any {
	return map[string]any{
		"name": c.Name, "namespace": c.path(), "version": c.Version, "publish": c.Publish, "updated": c.Updated,
		"annotations": c.shownAnnotations(), "limits": c.Limits, "exec": map[string]any{"binary": c.Exec.Binary},
	}
}

// shownAnnotations has what OpenWhisk adds by itself.
func (c *Action) shownAnnotations() []KeyValue {
	return append(slices.Clone(c.Annotations), annotation("exec", c.Exec.Kind))
}

func (c *Action) full(code *string) map[string]any {
	m := c.summary()
	exec := c.Exec
	exec.Code = code
	m["exec"], m["parameters"] = exec, notNil(c.Parameters)
	return m
}

func (p *Package) summary() map[string]any {
	return map[string]any{
		"name": p.Name, "namespace": p.Namespace, "version": p.Version, "publish": p.Publish, "updated": p.Updated,
		"annotations": notNil(p.Annotations), "binding": p.binding(),
	}
}

func (p *Package) binding() any {
	if p.Binding == nil {
		return map[string]any{}
	}
	return p.Binding
}

func annotation(key string, value any) KeyValue {
	raw, err := json.Marshal(value)
	if err != nil {
		raw = []byte("null") // of strings and maps of numbers, none fails
	}
	return KeyValue{key, raw}
}

func notNil(all []KeyValue) []KeyValue {
	if all == nil {
		return []KeyValue{}
	}
	return all
}

// bump is the version after v: "0.0.1" after none.
func bump(v string) string {
	major, patch, _ := cutLast(v)
	n, err := strconv.Atoi(patch)
	if err != nil {
		return "0.0.1"
	}
	return fmt.Sprintf("%s.%d", major, n+1)
}

func cutLast(s string) (before, after string, found bool) {
	i := strings.LastIndex(s, ".")
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

func now() int64 { return time.Now().UnixMilli() }

// checkKeyValues refuses parameters that OpenWhisk refuses.
func checkKeyValues(what string, all []KeyValue) error {
	size := 0
	for _, kv := range all {
		if kv.Key == "" || len(kv.Value) == 0 {
			return malformed("%s must be a list of {\"key\", \"value\"}", what)
		}
		size += len(kv.Key) + len(kv.Value)
	}
	if size > maxParameters {
		return apiError{http.StatusRequestEntityTooLarge, fmt.Sprintf("The %s have %d bytes, the limit is %d.", what,
			size, maxParameters)}
	}
	return nil
}

// merge replaces the limits that a request names.
func (l *Limits) merge(from *Limits) error {
	if from == nil {
		from = &Limits{}
	}
	for _, f := range []struct {
		name                      string
		field                     **int
		given                     *int
		otherwise, least, maximum int
	}{
		{"timeout", &l.Timeout, from.Timeout, defaultTimeout, minTimeout, maxTimeout},
		{"memory", &l.Memory, from.Memory, defaultMemory, minMemory, maxMemory},
		{"logs", &l.Logs, from.Logs, maxLogs, 0, maxLogs},
		{"concurrency", &l.Concurrency, from.Concurrency, 1, 1, 1},
	} {
		if f.given != nil {
			*f.field = f.given
		} else if *f.field == nil {
			*f.field = &f.otherwise
		}
		if v := **f.field; v < f.least || v > f.maximum {
			return malformed("limit %s: %d is not within %d and %d", f.name, v, f.least, f.maximum)
		}
	}
	return nil
}

// readJSON reads a request's body. Fields that are unknown are ignored, as
// OpenWhisk does.
func readJSON(w http.ResponseWriter, r *http.Request, limit int64, into any) error {
	data, err := body.Read(w, r, limit)
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil
	}
	if err := json.Unmarshal(data, into); err != nil {
		return malformed("%v", err)
	}
	return nil
}
