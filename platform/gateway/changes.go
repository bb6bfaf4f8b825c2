package gateway

import (
	"net/http"

	"github.com/lambdabench/lambdabench/platform/store"
)

// unqualified is the name in a request that must not have a version.
func (g *Gateway) unqualified(r *http.Request) (string, error) {
	name, version, err := g.identify(r)
	if err == nil && version != "" && version != store.Latest {
		err = invalid("published versions cannot be changed")
	}
	return name, err
}

func (g *Gateway) updateCode(w http.ResponseWriter, r *http.Request) (any, error) {
	name, err := g.unqualified(r)
	if err != nil {
		return nil, err
	}
	var req updateCodeRequest
	if err := readRequest(w, r, maxRequest, &req); err != nil {
		return nil, err
	}
	if len(req.ZipFile) == 0 {
		return nil, invalid("ZipFile is empty; this platform reads no S3 bucket and no container image")
	}
	if req.DryRun {
		fn, err := g.functions.Get(name, store.Latest)
		if err != nil {
			return nil, err
		}
		return compact(g.configuration(fn, false))
	}
	fn, err := g.functions.UpdateCode(name, req.RevisionID, req.ZipFile)
	if err != nil {
		return nil, err
	}
	g.cfg.Forget(g.arn(fn), store.Latest)
	if req.Publish {
		if fn, err = g.functions.Publish(name, "", ""); err != nil {
			return nil, err
		}
	}
	return compact(g.configuration(fn, req.Publish))
}

func (g *Gateway) updateConfiguration(w http.ResponseWriter, r *http.Request) (any, error) {
	name, err := g.unqualified(r)
	if err != nil {
		return nil, err
	}
	var req settings
	if err := readRequest(w, r, maxSettings, &req); err != nil {
		return nil, err
	}
	fn, err := g.functions.Update(name, req.RevisionID, func(fn *store.Function) error { return g.apply(req, fn) })
	if err != nil {
		return nil, err
	}
	g.cfg.Forget(g.arn(fn), store.Latest)
	return compact(g.configuration(fn, false))
}

func (g *Gateway) publishVersion(w http.ResponseWriter, r *http.Request) (any, error) {
	name, err := g.unqualified(r)
	if err != nil {
		return nil, err
	}
	var req struct {
		Description string
		RevisionID  string `json:"RevisionId"`
	}
	if err := readRequest(w, r, maxSettings, &req); err != nil {
		return nil, err
	}
	fn, err := g.functions.Publish(name, req.RevisionID, req.Description)
	if err != nil {
		return nil, err
	}
	return compact(g.configuration(fn, true))
}

func (g *Gateway) deleteFunction(w http.ResponseWriter, r *http.Request) error {
	name, version, err := g.identify(r)
	if err != nil {
		return err
	}
	if version == store.Latest {
		return invalid("$LATEST version cannot be deleted without deleting the function.")
	}
	fn, err := g.functions.Get(name, version)
	if err != nil {
		return err
	}
	g.managing.Lock()
	defer g.managing.Unlock()
	if err := g.functions.Delete(name, version); err != nil {
		return err
	}
	if version == "" && g.cfg.Reserver != nil {
		g.cfg.Reserver.Unreserve(g.arn(fn))
	}
	g.cfg.Forget(g.arn(fn), version)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// concurrency is the body of the three calls for reserved concurrency.
type concurrency struct {
	ReservedConcurrentExecutions *int `json:",omitempty"`
}

func (g *Gateway) putConcurrency(w http.ResponseWriter, r *http.Request) (any, error) {
	name, err := g.unqualified(r)
	if err != nil {
		return nil, err
	}
	var req concurrency
	if err := readRequest(w, r, maxSettings, &req); err != nil {
		return nil, err
	}
	n := req.ReservedConcurrentExecutions
	if n == nil || *n < 0 {
		return nil, invalid("ReservedConcurrentExecutions must be 0 or more")
	}
	if g.cfg.Reserver == nil {
		return nil, invalid("this platform bounds no function's concurrency")
	}
	g.managing.Lock()
	defer g.managing.Unlock()
	fn, err := g.functions.Get(name, store.Latest)
	if err != nil {
		return nil, err
	}
	if err := g.cfg.Reserver.Reserve(g.arn(fn), *n); err != nil {
		return nil, err
	}
	if _, err := g.functions.Reserve(name, n); err != nil {
		g.unreserve(fn)
		return nil, err
	}
	return req, nil
}

// unreserve restores the stored reservation after a change that failed.
func (g *Gateway) unreserve(fn *store.Function) {
	g.cfg.Reserver.Unreserve(g.arn(fn))
	if fn.Concurrency != nil {
		if err := g.cfg.Reserver.Reserve(g.arn(fn), *fn.Concurrency); err != nil {
			g.cfg.Log.Error("a reservation is lost until the next start", "function", fn.Name, "error", err)
		}
	}
}

func (g *Gateway) getConcurrency(w http.ResponseWriter, r *http.Request) (any, error) {
	fn, err := g.named(r)
	if err != nil {
		return nil, err
	}
	return concurrency{fn.Concurrency}, nil
}

func (g *Gateway) deleteConcurrency(w http.ResponseWriter, r *http.Request) error {
	name, err := g.unqualified(r)
	if err != nil {
		return err
	}
	g.managing.Lock()
	defer g.managing.Unlock()
	fn, err := g.functions.Reserve(name, nil)
	if err != nil {
		return err
	}
	if g.cfg.Reserver != nil {
		g.cfg.Reserver.Unreserve(g.arn(fn))
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
