package main

import "github.com/spf13/cobra"

// hostCommands are the commands that use backends or the Linux scheduler.
func hostCommands() []*cobra.Command {
	return []*cobra.Command{runCommand(), doctorCommand(), listCommand(), serveCommand(), mpscCommand(),
		watchCommand()}
}
