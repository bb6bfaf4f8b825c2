package container

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
)

// shared is all that the containers of a backend have in common. It does not
// change once it is made.
type shared struct {
	cfg      Config
	oci      oci
	home     *instance
	workshop *workshop       // nil where we are not root
	bridge   *bridge         // nil unless Config.Network is NetworkBridge
	ready    *readyEndpoints // nil unless Config.NetworkPool asks for some

	noting sync.Mutex // held while cgroups above the containers' own are made
}

// makeShared also removes what killed platforms left. After a failure nothing
// stays of it.
func makeShared(ctx context.Context, cfg Config, o oci) (_ *shared, err error) {
	if err := (probe{o, cfg.Network}).host(ctx); err != nil {
		return nil, err
	}
	h := &shared{cfg: cfg, oci: o}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	parent, err := makeStateDir(cfg.stateDir())
	if err != nil {
		return nil, err
	}
	if os.Geteuid() == 0 {
		if h.workshop, err = openWorkshop(); err != nil {
			return nil, fmt.Errorf("make a private mount namespace: %w", err)
		}
	}
	if err := sweep(ctx, parent, h.workshop); err != nil {
		return nil, fmt.Errorf("remove what a killed platform left: %w", err)
	}
	if h.home, err = openInstance(parent, o, h.workshop != nil); err != nil || cfg.Network != NetworkBridge {
		return h, err
	}
	if h.bridge, err = openBridge(h.home); err != nil {
		return nil, err
	}
	if cfg.NetworkPool > 0 {
		h.ready = keepReady(h.bridge, cfg.NetworkPool)
	}
	return h, nil
}

// close is the reverse of makeShared, as far as that came.
func (h *shared) close() error {
	var errs []error
	if h.ready != nil {
		h.ready.close()
	}
	if h.bridge != nil {
		errs = append(errs, h.bridge.close())
	}
	if h.home != nil {
		errs = append(errs, h.home.close())
	}
	if h.workshop != nil {
		h.workshop.close()
	}
	return errors.Join(errs...)
}
