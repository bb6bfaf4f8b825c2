package openwhisk

import (
	"crypto/sha256"
	"crypto/subtle"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
)

var (
	authKey    = regexp.MustCompile(`^[^:\s]+:[^:\s]+$`)
	entityName = regexp.MustCompile(`^(\w|\w[\w@ .-]{0,254}[\w@.-])$`)
)

// request is the subject and the names of an authorised request.
type request struct {
	subject   string // the namespace of the key
	namespace string // the one that the path names
	pkg, name string // of an action or a package; pkg is "" outside of packages
}

// authorise checks the key and the names in the path. Namespace "_" is the
// key's own.
func (a *API) authorise(r *http.Request) (request, error) {
	user, key, ok := r.BasicAuth()
	if !ok {
		return request{}, errUnauthorized
	}
	q := request{subject: a.subject(user + ":" + key)}
	if q.subject == "" {
		return request{}, errUnauthorized
	}
	q.namespace, q.pkg, q.name = r.PathValue("ns"), r.PathValue("package"), r.PathValue("name")
	if q.namespace == "" || q.namespace == "_" {
		q.namespace = q.subject
	}
	if q.namespace != q.subject {
		return request{}, apiError{http.StatusForbidden, "The supplied authentication is not authorized to access '" +
			q.namespace + "'."}
	}
	if q.pkg == "default" && q.name != "" { // wsk's word for no package
		q.pkg = ""
	}
	for _, n := range []string{q.pkg, q.name} {
		if n != "" && !entityName.MatchString(n) {
			return request{}, apiError{http.StatusBadRequest, "The name '" + n +
				"' is not legal: use letters, digits, '_', '-', '@', '.' and spaces, at most 256."}
		}
	}
	return q, nil
}

// subject finds the namespace of a key in the same time whatever the key is.
func (a *API) subject(auth string) string {
	given, found := sha256.Sum256([]byte(auth)), ""
	for name, key := range a.cfg.Namespaces {
		want := sha256.Sum256([]byte(key))
		if subtle.ConstantTimeCompare(given[:], want[:]) == 1 {
			found = name
		}
	}
	return found
}

func (a *API) listNamespaces(_ http.ResponseWriter, _ *http.Request, q request) (any, error) {
	return []string{q.subject}, nil
}

// getNamespace answers with all entities of a namespace.
func (a *API) getNamespace(_ http.ResponseWriter, _ *http.Request, q request) (any, error) {
	packages, actions := a.db.packagesOf(q.namespace), a.db.actionsOf(q.namespace, "", true)
	none := []any{}
	return map[string]any{
		"packages": summaries(packages, (*Package).summary), "actions": summaries(actions, (*Action).summary),
		"triggers": none, "rules": none,
	}, nil
}

func summaries[T any](all []T, of func(T) map[string]any) []map[string]any {
	out := make([]map[string]any, 0, len(all))
	for _, v := range all {
		out = append(out, of(v))
	}
	return out
}

// describe answers with the deployment's runtimes and limits.
func (a *API) describe(_ http.ResponseWriter, _ *http.Request) (any, error) {
	runtimes := map[string][]map[string]any{}
	for _, kind := range slices.Sorted(maps.Keys(a.kinds)) {
		family := languageOf(a.kinds[kind])
		runtimes[family] = append(runtimes[family], map[string]any{"kind": kind, "default": kind == family+":default",
			"deprecated": false})
	}
	return map[string]any{
		"description": "OpenWhisk", "api_paths": []string{"/api/v1"}, "runtimes": runtimes,
		"limits": map[string]any{
			"concurrent_actions": a.cfg.InFlight, "max_action_duration": maxTimeout, "min_action_duration": minTimeout,
			"max_action_memory": int64(maxMemory) << 20, "min_action_memory": int64(minMemory) << 20,
			"max_action_logs": int64(maxLogs) << 20, "min_action_logs": 0,
		},
	}, nil
}

// page reads limit and skip as OpenWhisk has them: 30 by default, 200 at most,
// which 0 stands for too.
func page(r *http.Request) (limit, skip int, err error) {
	number := func(key string, otherwise, most int) int {
		text := r.URL.Query().Get(key)
		if text == "" {
			return otherwise
		}
		n, e := strconv.Atoi(text)
		if e != nil || n < 0 || n > most {
			err = apiError{http.StatusBadRequest, "The value of '" + key + "' is not an integer in the range of 0 to " +
				strconv.Itoa(most) + "."}
		}
		return n
	}
	limit, skip = number("limit", 30, 200), number("skip", 0, 1<<31-1)
	if limit == 0 {
		limit = 200
	}
	return limit, skip, err
}

func cut[T any](all []T, limit, skip int) []T {
	all = all[min(skip, len(all)):]
	return all[:min(limit, len(all))]
}
