//go:build linux

package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/lambdabench/lambdabench/runtime/backends"
	"github.com/lambdabench/lambdabench/runtime/container"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// backendFlags are the flags of every command that opens backends.
type backendFlags struct {
	network container.Network
}

func (f *backendFlags) add(cmd *cobra.Command) {
	cmd.Flags().TextVar(&f.network, container.NetworkFlag, container.Network(""),
		"`network` of containers: none, host or bridge (default: bridge for root, none for others)")
}

func (f backendFlags) isolation() backends.Config { return backends.Config{Network: f.network} }

// open returns every backend there is, usable here or not.
func (f backendFlags) open() ([]isolation.Backend, func() error) {
	all := backends.All(f.isolation())
	return all, func() error {
		var errs []error
		for _, b := range all {
			errs = append(errs, b.Close())
		}
		return errors.Join(errs...)
	}
}
