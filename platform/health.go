package platform

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// healthWithin bounds a check of the platform's health: load balancers time out soon.
const healthWithin = 2 * time.Second

// Health is nil while the platform can run functions and keep what it
// acknowledges. Otherwise the error names each part that cannot.
func (p *Platform) Health(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, healthWithin)
	defer cancel()
	var errs []error
	if err := p.Worker.Health(ctx); err != nil {
		errs = append(errs, fmt.Errorf("worker: %w", err))
	}
	if err := p.Store.Health(ctx); err != nil {
		errs = append(errs, fmt.Errorf("store: %w", err))
	}
	if err := p.Whisk.Health(); err != nil {
		errs = append(errs, fmt.Errorf("OpenWhisk: %w", err))
	}
	return errors.Join(errs...)
}

// healthz answers 200 "ok", or 503 with a line for each part that is broken.
func (p *Platform) healthz(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	err := p.Health(r.Context())
	if err == nil {
		fmt.Fprintln(w, "ok")
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
	fmt.Fprintln(w, err)
}
