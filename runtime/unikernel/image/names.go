package image

import "github.com/lambdabench/lambdabench/runtime/rootfs"

// AddNames adds what a UC is called and whom it asks for other names: the
// nameserver is the tender, and its own name leads to its own address
// (OWN_IPV4 of csrc/libos/net/socket.h).
func AddNames(t *rootfs.Tree) {
	for path, content := range map[string]string{
		"/etc/hostname":    "uc\n",
		"/etc/hosts":       "127.0.0.1 localhost\n::1 localhost\n10.0.2.15 uc\n",
		"/etc/resolv.conf": "nameserver 10.0.2.3\n",
	} {
		t.AddFile(path, 0o644, []byte(content))
	}
}
