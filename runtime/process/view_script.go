package process

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/lambdabench/lambdabench/runtime/driver"
)

// script carries the plan out with util-linux: a Go program has more than one
// thread, and cannot enter a user namespace itself. One mount(8) makes all
// binds.
func (v *view) script() string {
	var table, dirs strings.Builder
	bind := func(source, at string) {
		fmt.Fprintf(&dirs, " .%s", quoted(at))
		if source != "/proc" {
			fmt.Fprintf(&table, "%s %s none rbind 0 0\n", tabled(source), tabled(v.base+at))
		}
	}
	for _, dir := range v.dirs {
		bind(dir, dir)
	}
	bind(v.runtime, runtimeRoot)
	var b strings.Builder
	fmt.Fprintf(&b, "set -e\numask 022\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n")
	fmt.Fprintf(&b, "mount -t tmpfs -o mode=755,size=%s,nosuid,nodev tmpfs %s\ncd %[2]s\n", viewSize, quoted(v.base))
	fmt.Fprintf(&b, "mkdir -p ./host .%s/lib%s\nmkdir -m 1777 ./tmp ./var/tmp\n", driver.TaskRoot, dirs.String())
	for _, link := range v.links {
		fmt.Fprintf(&b, "ln -s %s .%s\n", quoted(link[0]), quoted(link[1]))
	}
	fmt.Fprintf(&b, "printf %%s %s >./host/fstab\nmount -a -T ./host/fstab\n", quoted(table.String()))
	// A /proc with masked files, as in Docker, can only be passed on.
	b.WriteString("mount -t proc proc ./proc 2>/dev/null || mount --rbind /proc ./proc\n")
	b.WriteString("test ! -d ./dev/shm || mount -t tmpfs -o mode=1777,size=64m,nosuid,nodev,noexec tmpfs ./dev/shm\n")
	b.WriteString("pivot_root . ./host\numount -l ./host\nrm -r ./host\ncd /tmp\nset +e\n")
	return b.String()
}

// quoted is a word of sh(1).
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// tabled is a field of fstab(5).
func tabled(s string) string {
	return strings.NewReplacer(`\`, `\134`, " ", `\040`, "\t", `\011`, "\n", `\012`).Replace(s)
}

// tryScript carries the plan out for a process that does nothing.
func tryScript(s *spawner, v *view) error {
	if !namespacesPermitted() { // Go leaks the pipe for the mappings where the clone fails
		return errors.New("user and pid namespaces are not permitted")
	}
	cmd := exec.Command("/bin/sh", "-c", v.script()+becomeOwn()+"true")
	cmd.Dir = "/"
	cmd.SysProcAttr = namespaces(true)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	err := s.do(cmd.Start)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return fmt.Errorf("%w %s", err, strings.TrimSpace(out.String()))
	}
	return nil
}
