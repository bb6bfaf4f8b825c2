package gateway

import (
	"net/http"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/lambdabench/lambdabench/platform/store"
)

func (g *Gateway) createFunction(w http.ResponseWriter, r *http.Request) (any, error) {
	var req createRequest
	if err := readRequest(w, r, maxRequest, &req); err != nil {
		return nil, err
	}
	r.SetPathValue("name", req.FunctionName)
	name, version, err := g.identify(r)
	switch {
	case err != nil:
		return nil, err
	case version != "":
		return nil, invalid("a function is created without a version")
	case req.PackageType == "Image" || req.Code.ImageURI != "" || req.Code.S3Bucket != "":
		return nil, invalid("code comes as a zip in Code.ZipFile; this platform reads no S3 bucket and no container " +
			"image")
	case len(req.Code.ZipFile) == 0:
		return nil, invalid("Code.ZipFile is empty")
	}
	fn := store.Function{Name: name, Timeout: defaultTimeout, MemoryMB: defaultMemory}
	if err := g.apply(req.settings, &fn); err != nil {
		return nil, err
	}
	made, err := g.functions.Create(fn, req.Code.ZipFile)
	if err != nil {
		return nil, err
	}
	if req.Publish {
		if made, err = g.functions.Publish(name, "", ""); err != nil {
			return nil, err
		}
	}
	return compact(g.configuration(made, req.Publish))
}

// named looks up the function and version that a request names.
func (g *Gateway) named(r *http.Request) (*store.Function, error) {
	name, version, err := g.identify(r)
	if err != nil {
		return nil, err
	}
	return g.functions.Get(name, version)
}

func (g *Gateway) getFunction(w http.ResponseWriter, r *http.Request) (any, error) {
	fn, err := g.named(r)
	if err != nil {
		return nil, err
	}
	conf, err := compact(g.configuration(fn, true))
	if err != nil {
		return nil, err
	}
	location := "http://" + r.Host + "/code/" + fn.Name + "?Qualifier=" + fn.Version
	answer := map[string]any{
		"Configuration": conf,
		"Code":          types.FunctionCodeLocation{RepositoryType: aws.String("S3"), Location: &location},
	}
	if latest, err := g.functions.Get(fn.Name, store.Latest); err == nil && latest.Concurrency != nil {
		answer["Concurrency"] = map[string]int{"ReservedConcurrentExecutions": *latest.Concurrency}
	}
	return answer, nil
}

func (g *Gateway) downloadCode(w http.ResponseWriter, r *http.Request) error {
	fn, err := g.named(r)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/zip")
	http.ServeFile(w, r, g.store.Archive(fn))
	return nil
}

func (g *Gateway) getConfiguration(w http.ResponseWriter, r *http.Request) (any, error) {
	fn, err := g.named(r)
	if err != nil {
		return nil, err
	}
	return compact(g.configuration(fn, true))
}

func (g *Gateway) listFunctions(w http.ResponseWriter, r *http.Request) (any, error) {
	limit, err := pageSize(r)
	if err != nil {
		return nil, err
	}
	page, next := g.functions.List(r.URL.Query().Get("Marker"), limit)
	return g.page("Functions", page, next)
}

func (g *Gateway) listVersions(w http.ResponseWriter, r *http.Request) (any, error) {
	name, _, err := g.identify(r)
	if err != nil {
		return nil, err
	}
	limit, err := pageSize(r)
	if err != nil {
		return nil, err
	}
	all, err := g.functions.Versions(name)
	if err != nil {
		return nil, err
	}
	from := 0
	if m := r.URL.Query().Get("Marker"); m != "" {
		if from, err = strconv.Atoi(m); err != nil || from < 0 || from > len(all) {
			return nil, invalid("Marker '" + m + "' is none of this platform's")
		}
	}
	to, next := min(from+limit, len(all)), ""
	if to < len(all) {
		next = strconv.Itoa(to)
	}
	return g.page("Versions", all[from:to], next)
}

// pageSize is the number of items of a list: the client's MaxItems, or 50.
func pageSize(r *http.Request) (int, error) {
	q := r.URL.Query().Get("MaxItems")
	if q == "" {
		return 50, nil
	}
	n, err := strconv.Atoi(q)
	if err != nil || n < 1 || n > 10000 {
		return 0, invalid("Value '" + q + "' at 'maxItems' failed to satisfy constraint: 1 to 10000")
	}
	return min(n, 50), nil
}

// page is a part of a list of functions.
func (g *Gateway) page(key string, page []*store.Function, next string) (any, error) {
	list := make([]map[string]any, 0, len(page))
	for _, fn := range page {
		m, err := compact(g.configuration(fn, true))
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	answer := map[string]any{key: list}
	if next != "" {
		answer["NextMarker"] = next
	}
	return answer, nil
}
