package report

import "github.com/lambdabench/lambdabench/analysis/summary"

// Importance is how much a column matters to a reader whose terminal is narrow. The
// columns of the highest value leave first.
type Importance int

// The importances. Key and Series columns never leave: a table that is still too wide is
// continued below, each part with the Key columns and as many of the Series as fit.
const (
	Key    Importance = iota // tells the rows apart
	Main                     // the figure that the table is about
	Useful                   // a second figure, or what says how good the first is
	Detail                   // for a reader with a question
	Extra                    // for completeness
	Series                   // one of several columns of one kind, such as one a backend
)

// Column is a column of a Table.
type Column struct {
	Name       string
	Meaning    string // one sentence; docs/columns.md lists it
	Importance Importance
	Words      bool // its cells are words, set from the left; figures are set from the right
}

// key is a column of words that tells the rows apart.
func key(name, meaning string) Column { return Column{Name: name, Meaning: meaning, Words: true} }

// figures is a column of figures.
func figures(name string, i Importance, meaning string) Column {
	return Column{Name: name, Meaning: meaning, Importance: i}
}

// words is a column of words that do not tell the rows apart.
func words(name string, i Importance, meaning string) Column {
	return Column{Name: name, Meaning: meaning, Importance: i, Words: true}
}

const warningsName = "warnings"

// The columns of several tables.
var (
	backendColumn = key("backend", "The isolation backend; in grey or after 'paper', what the SEUSS paper measured.")
	runtimeColumn = key("runtime", "The language runtime, as AWS Lambda names it.")
	pathColumn    = key("path", "What the call found: hot, an idle sandbox of the function; warm, its snapshot; "+
		"cold, a booted runtime; boot, nothing.")
	nColumn      = figures("n", Detail, "The number of correct replies behind the latencies of the row.")
	trialsColumn = figures("trials", Detail, "The number of trials behind the row, or of each backend's.")
	p50Column    = figures("p50", Main, "The median of the trials' medians, and an interval that holds that of "+
		"all such trials in 95 of 100 runs; where there are fewer than six trials, their range.")
	p90Column = figures("p90", Extra, "Nine of ten calls took at most so long.")
	p99Column = figures("p99", Useful, "99 of 100 calls took at most so long; of few calls, a guess.")

	errorsColumn   = figures("errors", Useful, "The number of calls that failed.")
	warningsColumn = words(warningsName, Useful, "What speaks against the figures of the row, by kind; report.html "+
		"and summary.json have the details.")
)

// gainColumn says how many times better a row is than the baseline's. what is "" or the
// figure that the gain is of.
func gainColumn(s *summary.Summary, what string, i Importance) Column {
	name := "gain over " + s.Baseline()
	if what != "" {
		name = what + " " + name
	}
	return figures(name, i, "How many times better than the baseline in this run, the median over the blocks of "+
		"trials; below 1x, worse.")
}

// columnNames are the headings of columns.
func columnNames(columns []Column) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return names
}
