package main

import (
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// addWide adds the flag of the commands that print tables.
func addWide(cmd *cobra.Command, wide *bool) {
	cmd.Flags().BoolVar(wide, "wide", false, "tables with all columns, wider than the terminal if need be")
}

// leastWidth is that of the narrowest tables; a narrower terminal breaks their lines.
const leastWidth = 60

// tableWidth is how wide tables may be; 0 is no bound. COLUMNS goes before the terminal's own
// width, as in coreutils. Output that is no terminal is read by programs and has no bound.
func tableWidth(out io.Writer, wide bool) int {
	if wide {
		return 0
	}
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return max(n, leastWidth)
	}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
			return max(n, leastWidth)
		}
		return 80 // a terminal that does not tell, such as a serial line
	}
	return 0
}
