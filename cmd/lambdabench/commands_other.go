//go:build !linux

package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

// hostCommands are the commands of a Linux host. Each says that it needs Linux.
func hostCommands() (all []*cobra.Command) {
	for _, name := range []string{"run", "doctor", "list", "serve", "mpsc", "watch"} {
		all = append(all, &cobra.Command{
			Use: name, Short: "needs Linux", DisableFlagParsing: true,
			RunE: func(*cobra.Command, []string) error {
				return fmt.Errorf("%s needs Linux, and this is %s: every isolation backend uses the Linux kernel; run "+
					"it on a Linux host or in a virtual machine; report, compare, export and traces work here", name,
					runtime.GOOS)
			},
		})
	}
	return all
}
