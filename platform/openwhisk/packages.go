package openwhisk

import (
	"fmt"
	"net/http"
)

type packageBody struct {
	Parameters  *[]KeyValue `json:"parameters"`
	Annotations *[]KeyValue `json:"annotations"`
	Binding     *Binding    `json:"binding"`
	Publish     *bool       `json:"publish"`
}

func (a *API) listPackages(w http.ResponseWriter, r *http.Request, q request) (any, error) {
	limit, skip, err := page(r)
	if err != nil {
		return nil, err
	}
	return summaries(cut(a.db.packagesOf(q.namespace), limit, skip), (*Package).summary), nil
}

func (a *API) getPackage(w http.ResponseWriter, _ *http.Request, q request) (any, error) {
	p := a.db.pkg(q.namespace, q.pkg)
	if p == nil {
		return nil, errNotThere
	}
	return a.fullPackage(p), nil
}

// fullPackage shows a binding with what it is bound to.
func (a *API) fullPackage(p *Package) map[string]any {
	m := p.summary()
	source, parameters := p, p.Parameters
	if p.Binding != nil {
		if source = a.db.pkg(p.Binding.Namespace, p.Binding.Name); source == nil {
			source = p
		}
		parameters = over(source.Parameters, p.Parameters)
	}
	m["parameters"], m["feeds"] = notNil(parameters), []any{}
	m["actions"] = summaries(a.db.actionsOf(source.Namespace, source.Name, false), func(c *Action) map[string]any {
		return map[string]any{"name": c.Name, "version": c.Version, "annotations": c.shownAnnotations()}
	})
	return m
}

func (a *API) putPackage(w http.ResponseWriter, r *http.Request, q request) (any, error) {
	var body packageBody
	if err := readJSON(w, r, 2*maxParameters, &body); err != nil {
		return nil, err
	}
	a.changes.Lock()
	defer a.changes.Unlock()
	old := a.db.pkg(q.namespace, q.pkg)
	if old != nil && r.URL.Query().Get("overwrite") != "true" {
		return nil, errExists
	}
	p := &Package{Namespace: q.namespace, Name: q.pkg}
	if old != nil {
		*p = *old
	}
	p.Version, p.Updated = bump(p.Version), now()
	assign(&p.Parameters, body.Parameters)
	assign(&p.Annotations, body.Annotations)
	assign(&p.Publish, body.Publish)
	if err := checkKeyValues("parameters", p.Parameters); err != nil {
		return nil, err
	}
	if err := checkKeyValues("annotations", p.Annotations); err != nil {
		return nil, err
	}
	if err := a.bind(p, body.Binding, q, old != nil); err != nil {
		return nil, err
	}
	if err := a.db.putPackage(p); err != nil {
		return nil, err
	}
	return a.fullPackage(p), nil
}

// bind makes p stand for another package, which must be there and no binding
// itself.
func (a *API) bind(p *Package, to *Binding, q request, update bool) error {
	if to == nil || to.Name == "" {
		return nil
	}
	if update && p.Binding == nil {
		return apiError{http.StatusConflict, "Resource is not a binding: a package cannot become one."}
	}
	b := *to
	if b.Namespace == "" || b.Namespace == "_" {
		b.Namespace = q.subject
	}
	source := a.db.pkg(b.Namespace, b.Name)
	switch {
	case source == nil || source.Namespace != q.subject && !source.Publish:
		return apiError{http.StatusBadRequest, "Binding references a package that does not exist."}
	case source.Binding != nil:
		return apiError{http.StatusBadRequest, "Cannot bind to another package binding."}
	}
	p.Binding = &b
	return nil
}

func (a *API) deletePackage(w http.ResponseWriter, _ *http.Request, q request) (any, error) {
	a.changes.Lock()
	defer a.changes.Unlock()
	p := a.db.pkg(q.namespace, q.pkg)
	if p == nil {
		return nil, errNotThere
	}
	if n := len(a.db.actionsOf(q.namespace, q.pkg, false)); n > 0 {
		return nil, apiError{http.StatusConflict,
			fmt.Sprintf("Package not empty (contains %d entities). Delete its actions first.", n)}
	}
	if err := a.db.deletePackage(p); err != nil {
		return nil, err
	}
	return a.fullPackage(p), nil
}

// resolve finds an action and the parameters that its package gives it. An
// action of a bound package is found under the binding's name.
func (a *API) resolve(q request) (*Action, []KeyValue, error) {
	namespace, pkg := q.namespace, q.pkg
	var parameters []KeyValue
	if pkg != "" {
		p := a.db.pkg(namespace, pkg)
		if p == nil {
			return nil, nil, errNotThere
		}
		parameters = p.Parameters
		if p.Binding != nil {
			source := a.db.pkg(p.Binding.Namespace, p.Binding.Name)
			if source == nil || source.Namespace != q.subject && !source.Publish {
				return nil, nil, errNotThere
			}
			namespace, pkg, parameters = source.Namespace, source.Name, over(source.Parameters, p.Parameters)
		}
	}
	c := a.db.action(namespace, pkg, q.name)
	if c == nil {
		return nil, nil, errNotThere
	}
	return c, over(parameters, c.Parameters), nil
}

// over is base, with the values of top for the keys of top.
func over(base, top []KeyValue) []KeyValue {
	var all []KeyValue
	at := map[string]int{}
	for _, list := range [][]KeyValue{base, top} {
		for _, kv := range list {
			if i, ok := at[kv.Key]; ok {
				all[i] = kv
				continue
			}
			at[kv.Key] = len(all)
			all = append(all, kv)
		}
	}
	return all
}

func assign[T any](field *T, given *T) {
	if given != nil {
		*field = *given
	}
}
