package store

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Functions are the functions of one owner. Its methods may be called from any number
// of goroutines.
type Functions struct {
	s     *Store
	owner Owner

	byName map[string]*entry // guarded by Store.mu, as names is
	names  []string          // sorted
}

// entry is a function with its versions.
type entry struct {
	latest   *Function
	versions map[string]*Function // published ones
}

// put replaces the function of fn's name and version in memory. Store.mu is held.
func (f *Functions) put(fn *Function) {
	e := f.byName[fn.Name]
	if e == nil {
		e = &entry{}
		f.byName[fn.Name] = e
	}
	f.s.uses[fn.CodeSHA256]++
	delete(f.s.retired, fn.CodeSHA256)
	if fn.Version != Latest {
		if e.versions == nil {
			e.versions = map[string]*Function{}
		}
		e.versions[fn.Version] = fn
		return
	}
	if e.latest != nil {
		f.s.unuse(e.latest)
	}
	e.latest = fn
}

// sort orders the names anew. Store.mu is held.
func (f *Functions) sort() { f.names = slices.Sorted(maps.Keys(f.byName)) }

// Get returns a version of a function; version "" is Latest.
func (f *Functions) Get(name, version string) (*Function, error) {
	f.s.mu.RLock()
	defer f.s.mu.RUnlock()
	e := f.byName[name]
	if e != nil && (version == "" || version == Latest) && e.latest != nil {
		return e.latest, nil
	}
	if e != nil && e.versions[version] != nil {
		return e.versions[version], nil
	}
	return nil, fmt.Errorf("%w: %s %s", ErrNotFound, name, version)
}

// List returns up to limit functions whose names come after marker, in order,
// and the marker of the next page, "" when there is none.
func (f *Functions) List(marker string, limit int) (page []*Function, next string) {
	f.s.mu.RLock()
	defer f.s.mu.RUnlock()
	at, found := slices.BinarySearch(f.names, marker)
	if found {
		at++
	}
	for ; at < len(f.names); at++ {
		if len(page) == limit {
			return page, page[limit-1].Name
		}
		page = append(page, f.byName[f.names[at]].latest)
	}
	return page, ""
}

// Versions returns Latest and all published versions of a function, oldest
// first.
func (f *Functions) Versions(name string) ([]*Function, error) {
	f.s.mu.RLock()
	defer f.s.mu.RUnlock()
	e := f.byName[name]
	if e == nil {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, name)
	}
	all := slices.Collect(maps.Values(e.versions))
	slices.SortFunc(all, func(a, b *Function) int { return number(a) - number(b) })
	return append([]*Function{e.latest}, all...), nil
}

func number(fn *Function) int {
	n, _ := strconv.Atoi(fn.Version)
	return n
}
