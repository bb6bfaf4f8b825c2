package zygote

// Tenancy is whose functions a UC or a process has run. The zero value has run
// none but training runs.
//
// A process that a UC leaves behind keeps traces that no reset removes: page
// tables, private pages, what the processor's predictors learnt. A guest can time
// them. So a process is reused for functions of the account that it served, and
// for no other.
type Tenancy struct {
	Account string // isolation.Function.Account, which may be ""
	Ran     bool
}

// Fits reports whether a process with this past may serve next. A UC whose
// function is not known yet may have any process.
func (t Tenancy) Fits(next Tenancy) bool {
	return !t.Ran || !next.Ran || t.Account == next.Account
}
