package openwhisk

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/platform/store"
)

type actionBody struct {
	Exec        *Exec       `json:"exec"`
	Parameters  *[]KeyValue `json:"parameters"`
	Annotations *[]KeyValue `json:"annotations"`
	Limits      *Limits     `json:"limits"`
	Publish     *bool       `json:"publish"`
}

func (a *API) listActions(w http.ResponseWriter, r *http.Request, q request) (any, error) {
	limit, skip, err := page(r)
	if err != nil {
		return nil, err
	}
	if q.pkg != "" && a.db.pkg(q.namespace, q.pkg) == nil {
		return nil, errNotThere
	}
	return summaries(cut(a.db.actionsOf(q.namespace, q.pkg, q.pkg == ""), limit, skip),
		(*Action).summary), nil
}

func (a *API) getAction(w http.ResponseWriter, r *http.Request, q request) (any, error) {
	c, parameters, err := a.resolve(q)
	if err != nil {
		return nil, err
	}
	var code *string
	if r.URL.Query().Get("code") != "false" {
		text, err := a.db.code(c)
		if err != nil {
			return nil, err
		}
		code = &text
	}
	m := c.full(code)
	m["parameters"] = notNil(parameters)
	return m, nil
}

// maxActionBody is a request that holds the largest code, in base64.
const maxActionBody = maxCode/3*4 + 2*maxParameters

func (a *API) putAction(w http.ResponseWriter, r *http.Request, q request) (any, error) {
	var body actionBody
	if err := readJSON(w, r, maxActionBody, &body); err != nil {
		return nil, err
	}
	a.changes.Lock()
	defer a.changes.Unlock()
	old, c, err := a.proposed(q, r.URL.Query().Get("overwrite") == "true", body)
	if err != nil {
		return nil, err
	}
	var code *string
	if body.Exec != nil {
		code = body.Exec.Code
	} else if old != nil {
		text, err := a.db.code(old)
		if err != nil {
			return nil, err
		}
		body.Exec = &Exec{Kind: c.Exec.Kind, Code: &text, Binary: c.Exec.Binary, Main: c.Exec.Main}
	}
	if err := a.install(c, body.Exec); err != nil {
		return nil, err
	}
	if err := a.db.putAction(c, code); err != nil {
		a.drop(c)
		return nil, err
	}
	if old != nil {
		a.drop(old)
	}
	return c.full(body.Exec.Code), nil
}

// proposed is the action that a request asks for, checked.
func (a *API) proposed(q request, overwrite bool, body actionBody) (old, c *Action, err error) {
	if q.pkg != "" {
		p := a.db.pkg(q.namespace, q.pkg)
		if p == nil {
			return nil, nil, errNotThere
		}
		if p.Binding != nil {
			return nil, nil, errWrongKind
		}
	}
	old = a.db.action(q.namespace, q.pkg, q.name)
	if old != nil && !overwrite {
		return nil, nil, errExists
	}
	c = &Action{Namespace: q.namespace, Package: q.pkg, Name: q.name}
	if old != nil {
		*c = *old
	} else if body.Exec == nil {
		return nil, nil, malformed("exec undefined")
	}
	c.Version, c.Updated = bump(c.Version), now()
	assign(&c.Parameters, body.Parameters)
	assign(&c.Annotations, body.Annotations)
	assign(&c.Publish, body.Publish)
	if body.Exec != nil {
		if err := a.checkExec(body.Exec); err != nil {
			return nil, nil, err
		}
		c.Exec = Exec{Kind: body.Exec.Kind, Binary: body.Exec.Binary, Main: body.Exec.Main}
	}
	if err := checkKeyValues("parameters", c.Parameters); err != nil {
		return nil, nil, err
	}
	if err := checkKeyValues("annotations", c.Annotations); err != nil {
		return nil, nil, err
	}
	return old, c, c.Limits.merge(body.Limits)
}

var mainName = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$.]{0,127}$`)

func (a *API) checkExec(e *Exec) error {
	switch {
	case a.kinds[e.Kind] == "":
		return malformed("kind '%s' not in Set(%s)", e.Kind, strings.Join(slices.Sorted(maps.Keys(a.kinds)), ", "))
	case e.Code == nil || strings.TrimSpace(*e.Code) == "":
		return malformed("'code' must be a string, and not empty, defined in 'exec' for '%s' actions", e.Kind)
	case e.Main != "" && !mainName.MatchString(e.Main):
		return malformed("'main' must be the name of a function, not '%s'", e.Main)
	case len(*e.Code) > maxActionBody:
		return &http.MaxBytesError{Limit: maxCode}
	}
	// wsk and the JavaScript client leave the flag out.
	if !e.Binary && looksLikeZip(*e.Code) {
		e.Binary = true
	}
	return nil
}

// install puts an action's code into the store under a new name. The action's row then
// switches to that name in one step.
func (a *API) install(c *Action, e *Exec) error {
	runtime := a.kinds[c.Exec.Kind]
	archive, err := packaged(languageOf(runtime), e)
	if err != nil {
		return err
	}
	c.Function = functionName(c)
	_, err = a.functions(c.Namespace).Create(store.Function{
		Name: c.Function, Runtime: runtime, Handler: entryHandler, Description: "OpenWhisk action " + c.path() + "/" +
			c.Name,
		Timeout: time.Duration(*c.Limits.Timeout) * time.Millisecond, MemoryMB: *c.Limits.Memory,
		Environment: map[string]string{mainVariable: mainOf(e)},
	}, archive)
	if err != nil {
		return fmt.Errorf("create action %s: %w", c.Name, err)
	}
	return nil
}

func mainOf(e *Exec) string {
	if e.Main == "" {
		return "main"
	}
	return e.Main
}

func (a *API) deleteAction(w http.ResponseWriter, _ *http.Request, q request) (any, error) {
	a.changes.Lock()
	defer a.changes.Unlock()
	c := a.db.action(q.namespace, q.pkg, q.name)
	if c == nil {
		return nil, errNotThere
	}
	if err := a.db.deleteAction(c); err != nil {
		return nil, err
	}
	a.drop(c)
	return c.full(nil), nil
}
