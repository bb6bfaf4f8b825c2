package main

import "github.com/spf13/cobra"

// hostCommands are the commands that use backends, or what they measure with.
func hostCommands() []*cobra.Command {
	return []*cobra.Command{runCommand(), doctorCommand(), listCommand(), serveCommand(), mpscCommand(),
		watchCommand()}
}
