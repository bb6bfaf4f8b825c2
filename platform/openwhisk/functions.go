package openwhisk

import (
	"errors"
	"fmt"

	"github.com/lambdabench/lambdabench/platform/store"
)

// doorName is this door's part of its owners.
const doorName = "openwhisk"

// functions are those of a namespace.
func (a *API) functions(namespace string) *store.Functions {
	return a.store.Of(store.Owner{Door: doorName, Account: namespace})
}

// arn names a function to the worker. Its account is the namespace, so that
// namespaces are tenants to the runtime; no account of AWS Lambda has a '/'.
func arn(namespace, function string) string {
	return "arn:aws:lambda:us-east-1:" + doorName + "/" + namespace + ":function:" + function
}

// drop removes an action's function. What is left over, the next start removes.
func (a *API) drop(c *Action) {
	if err := a.functions(c.Namespace).Delete(c.Function, ""); err != nil {
		a.cfg.Log.Warn("a function without an action stays until the next start", "function", c.Function, "error", err)
	}
	a.cfg.Forget(arn(c.Namespace, c.Function), "")
}

// reconcile makes actions and their functions fit each other, as a killed
// predecessor may have written one without the other.
func (a *API) reconcile() error {
	if err := a.claim(); err != nil {
		return err
	}
	named := map[store.Owner]map[string]bool{}
	for _, c := range a.db.everyAction() {
		owner := store.Owner{Door: doorName, Account: c.Namespace}
		if named[owner] == nil {
			named[owner] = map[string]bool{}
		}
		function, err := a.reinstall(c)
		if err != nil {
			return err
		}
		named[owner][function] = true
	}
	if a.db.damaged { // a row that is missing may name any of them
		return nil
	}
	for _, owner := range a.store.Owners(doorName) {
		if err := a.removeUnnamed(owner, named[owner]); err != nil {
			return err
		}
	}
	return nil
}

// claim takes over functions of a data directory in which they had no owners:
// those that actions name, and those that have this door's entry file.
func (a *API) claim() error {
	namespaces := map[string]string{} // of functions
	for _, c := range a.db.everyAction() {
		namespaces[c.Function] = c.Namespace
	}
	claimed := map[string]bool{}
	for _, namespace := range namespaces {
		if claimed[namespace] {
			continue
		}
		claimed[namespace] = true
		mine := func(fn *store.Function) bool {
			return namespaces[fn.Name] == namespace && fn.Handler == entryHandler
		}
		if _, err := a.store.Claim(store.Owner{Door: doorName, Account: namespace}, mine); err != nil {
			return err
		}
	}
	left := func(fn *store.Function) bool {
		_, ours := fn.Environment[mainVariable]
		return ours && fn.Handler == entryHandler
	}
	_, err := a.store.Claim(store.Owner{Door: doorName}, left)
	return err
}

// reinstall makes an action's function anew where it is missing, and returns its
// name.
func (a *API) reinstall(c *Action) (string, error) {
	_, err := a.functions(c.Namespace).Get(c.Function, store.Latest)
	if !errors.Is(err, store.ErrNotFound) {
		return c.Function, err
	}
	log := a.cfg.Log.With("action", c.path()+"/"+c.Name)
	if a.kinds[c.Exec.Kind] == "" {
		log.Warn("an action's function is missing, and its kind is not installed", "kind", c.Exec.Kind)
		return c.Function, nil
	}
	code, err := a.db.code(c)
	if err != nil {
		return "", err
	}
	again, exec := *c, c.Exec
	exec.Code = &code
	if err := a.install(&again, &exec); err != nil {
		return "", fmt.Errorf("make the function of action %s/%s anew: %w", c.path(), c.Name, err)
	}
	log.Warn("an action's function was missing; it was made anew")
	return again.Function, a.db.putAction(&again, nil)
}

// removeUnnamed removes functions of actions whose row was never written, or is
// gone.
func (a *API) removeUnnamed(owner store.Owner, named map[string]bool) error {
	functions := a.store.Of(owner)
	for marker, more := "", true; more; more = marker != "" {
		var page []*store.Function
		page, marker = functions.List(marker, 1000)
		for _, fn := range page {
			if named[fn.Name] {
				continue
			}
			if err := functions.Delete(fn.Name, ""); err != nil {
				return err
			}
			a.cfg.Log.Info("a function without an action was removed", "function", fn.Name, "owner", owner.String())
		}
	}
	return nil
}
