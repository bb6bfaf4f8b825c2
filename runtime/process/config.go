package process

// name is the backend's, of which its directory and cgroups have theirs.
const name = "process"

// Config of the backend; the zero value works.
type Config struct {
	Dir      string // for driver files and work directories; the system's temporary one by default
	FirstUID uint32 // where the user ids of functions begin if the platform is root; FirstUID by default
	MaxFile  int64  // largest file that a function may write, in bytes; 512 MB, AWS's /tmp, by default

	withoutCgroups bool // as on a host that permits none; for tests
	withoutUsers   bool // as if not root; for tests
	withoutViews   bool // as on a host that permits no mount namespace; for tests
}
