package platform

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/platform/sqlite"
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

// damaged lists the copies of data that this start and earlier ones could not read, until
// somebody removes them. A data directory that is gone has none: Health says so.
func (p *Platform) damaged() []string {
	all, err := sqlite.Damaged(p.cfg.Data)
	if err != nil {
		p.log.Error("the copies of damaged data cannot be listed", "error", err)
	}
	return all
}

// healthz answers 200 "ok", with a warning where acknowledged changes may be lost, or 503
// with a line for each part that is broken.
func (p *Platform) healthz(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	err := p.Health(r.Context())
	if err == nil {
		fmt.Fprintln(w, "ok")
		if copies := p.damaged(); len(copies) > 0 {
			fmt.Fprintf(w, "warning: data could not be read at a start, and acknowledged changes may be lost: compare "+
				"what is listed with what was acknowledged, send again what is missing, and remove %s\n",
				strings.Join(copies, " "))
		}
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
	fmt.Fprintln(w, err)
}
