package openwhisk

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/lambdabench/lambdabench/platform/logs"
)

func (a *API) listActivations(w http.ResponseWriter, r *http.Request, q request) (any, error) {
	limit, skip, err := page(r)
	if err != nil {
		return nil, err
	}
	query := r.URL.Query()
	f := filter{namespace: q.namespace, name: query.Get("name"), limit: limit, skip: skip}
	if i := strings.LastIndex(f.name, "/"); i >= 0 {
		f.name = f.name[i+1:]
	}
	for key, into := range map[string]*int64{"since": &f.since, "upto": &f.upto} {
		if text := query.Get(key); text != "" {
			if *into, err = strconv.ParseInt(text, 10, 64); err != nil || *into < 0 {
				return nil, apiError{http.StatusBadRequest, "The value of '" + key +
					"' is not a time in milliseconds since 1970."}
			}
		}
	}
	if query.Get("count") == "true" {
		n, err := a.ledger.count(f)
		return map[string]int{"activations": n}, err
	}
	all, err := a.ledger.list(f)
	if err != nil {
		return nil, err
	}
	if query.Get("docs") == "true" {
		shown := make([]*Activation, len(all))
		for i, act := range all {
			if shown[i], err = a.withLogs(act); err != nil {
				return nil, err
			}
		}
		return shown, nil
	}
	return summaries(all, (*Activation).summary), nil
}

// found is the activation that a request names.
func (a *API) found(r *http.Request, q request) (*Activation, error) {
	act, err := a.ledger.get(q.namespace, r.PathValue("id"))
	if err == nil && act == nil {
		err = errNotThere
	}
	return act, err
}

func (a *API) getActivation(_ http.ResponseWriter, r *http.Request, q request) (any, error) {
	act, err := a.found(r, q)
	if err != nil {
		return nil, err
	}
	return a.withLogs(act)
}

// withLogs is a record as a client sees it. A log that is not kept any more is
// empty.
func (a *API) withLogs(act *Activation) (*Activation, error) {
	shown := *act
	shown.Log = nil
	if act.Log == nil {
		return &shown, nil
	}
	r, err := a.cfg.Logs.Read(*act.Log)
	switch {
	case errors.Is(err, logs.ErrGone), err == nil && r.Request != act.ID:
		return &shown, nil
	case err != nil:
		return nil, err
	}
	shown.Logs = logLines(r)
	return &shown, nil
}

func (a *API) getResult(_ http.ResponseWriter, r *http.Request, q request) (any, error) {
	act, err := a.found(r, q)
	if err != nil {
		return nil, err
	}
	return act.Response, nil
}

func (a *API) getLogs(_ http.ResponseWriter, r *http.Request, q request) (any, error) {
	act, err := a.found(r, q)
	if err == nil {
		act, err = a.withLogs(act)
	}
	if err != nil {
		return nil, err
	}
	return map[string][]string{"logs": act.Logs}, nil
}
