package report

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// machineTable describes the host and the run, for report and paper.
func machineTable(s *summary.Summary) *Table {
	t := &Table{Name: "machine", Title: "Machine and run", Columns: []Column{key("", ""), words("", Main, "")}}
	put := func(name, value string) {
		if value != "" {
			t.add(name, value)
		}
	}
	m := s.Machine
	put("run", strings.TrimSpace(fmt.Sprintf("%s, suite %s, seed %d", s.Run.Name, dash(s.Run.Suite), s.Run.Seed)))
	put("trials", trialCount(s))
	if !m.Date.IsZero() {
		put("date", m.Date.UTC().Format("2006-01-02 15:04 UTC"))
		put("load before", fmt.Sprintf("%.2f, %.2f, %.2f (1, 5, 15 minutes)", m.LoadBefore[0], m.LoadBefore[1],
			m.LoadBefore[2]))
	}
	put("processor", m.CPU)
	if m.Cores > 0 {
		put("cores", fmt.Sprint(m.Cores))
	}
	if m.MemoryBytes > 0 {
		put("memory", humanize.IBytes(uint64(m.MemoryBytes)))
	}
	put("kernel", m.Kernel)
	put("system", m.OS)
	put("virtualisation", m.Virtualisation)
	put("governor", m.Governor)
	put("cgroups", m.Cgroups)
	put("user", m.User)
	put("runtimes", versions(m.Interpreters))
	put("backends", versions(m.Backends))
	put("Go", m.Go)
	put("commit", builtFrom(s))
	return t
}

func trialCount(s *summary.Summary) string {
	if s.Run.Planned > 0 {
		return fmt.Sprintf("%d of %d", s.Run.Trials, s.Run.Planned)
	}
	return fmt.Sprint(s.Run.Trials)
}

func builtFrom(s *summary.Summary) string {
	if s.Machine.Commit != "" && s.Machine.Dirty {
		return s.Machine.Commit + ", with changes that are in no commit"
	}
	return s.Machine.Commit
}

// reproduce lists the commands that make a run like the one in runDir, and its report
// again where runDir has the records. A folder outside of the tree is named by its last
// element: its place tells others nothing.
func reproduce(s *summary.Summary, runDir string) string {
	_, missing := os.Stat(filepath.Join(runDir, record.Folder))
	if filepath.IsAbs(runDir) {
		runDir = filepath.Base(runDir)
	}
	var b strings.Builder
	if s.Machine.Commit != "" {
		fmt.Fprintf(&b, "git checkout %s\n", s.Machine.Commit)
	}
	b.WriteString("./run.sh --help                        # builds bin/lambdabench\n")
	fmt.Fprintf(&b, "bin/lambdabench run %s", filepath.Join(runDir, record.SuiteFile))
	if missing == nil {
		fmt.Fprintf(&b, "\nbin/lambdabench report %s            # this report again, from the records alone", runDir)
	}
	return b.String()
}
