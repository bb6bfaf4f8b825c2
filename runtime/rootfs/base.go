package rootfs

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

// etc are the files of /etc that a C library and the runtimes look for, as small as they can be. Users of the host are
// none of a function's business.
var etc = map[string]string{
	"/etc/passwd": "root:x:0:0:root:/tmp:/bin/false\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
	"/etc/group":  "root:x:0:\nnogroup:x:65534:\n",
	"/etc/hosts":  "127.0.0.1 localhost\n::1 localhost\n",
	"/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n" +
		"networks: files\nservices: files\nprotocols: files\n",
}

// optional are files and trees of the host that are added where they exist: names of services and types, time zones,
// the locale C.UTF-8, and the places where certificate authorities are on Debian, Fedora, SUSE and Alpine.
var optional = []string{
	"/etc/ld.so.cache", "/etc/services", "/etc/protocols", "/etc/mime.types",
	"/etc/localtime", "/etc/timezone", "/usr/share/zoneinfo",
	"/usr/lib/locale/C.utf8", "/usr/lib/locale/C.UTF-8",
	"/etc/ssl/openssl.cnf", "/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/ssl/ca-bundle.pem",
	"/etc/pki/tls/openssl.cnf", "/etc/pki/tls/certs", "/etc/pki/tls/cert.pem", "/etc/pki/ca-trust/extracted/pem",
}

// opened are libraries that the C library opens by name: for thread cancellation and for names.
var opened = []string{"libgcc_s.so.1", "libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2"}

// promised are the libraries that a binary package may leave out because every host has them.
var promised = []string{
	// PEP 599 (manylinux2014).
	"libgcc_s.so.1", "libstdc++.so.6", "libm.so.6", "libdl.so.2", "librt.so.1", "libc.so.6", "libnsl.so.1",
	"libutil.so.1", "libpthread.so.0", "libresolv.so.2", "libX11.so.6", "libXext.so.6", "libXrender.so.1",
	"libICE.so.6", "libSM.so.6", "libGL.so.1", "libgobject-2.0.so.0", "libgthread-2.0.so.0", "libglib-2.0.so.0",
	// What auditwheel's policies of PEP 600 add.
	"libz.so.1", "libexpat.so.1", "libatomic.so.1", "libmvec.so.1", "libanl.so.1",
	// The rest of glibc's family that a linker may name.
	"libcrypt.so.1", "libBrokenLocale.so.1", "libthread_db.so.1",
	// GCC's own, which compilers that find it link dynamically.
	"libgomp.so.1", "libquadmath.so.0",
}

// addBase adds what every language's packages may rely on. program tells what kind of libraries they are.
func (t *Tree) addBase(program string) error {
	n, err := readNeeds(program)
	if err != nil {
		return fmt.Errorf("read the ELF file %s: %w", program, err)
	}
	dirs := t.dirs()
	for _, name := range append(opened, promised...) {
		p := t.findLibrary(name, dirs, n.kind)
		if p == "" {
			continue
		}
		if err := t.addModule(p); err != nil {
			return err
		}
	}
	// glibc's character sets for iconv(3) lie beside its libraries.
	for _, dir := range dirs {
		if err := t.addModules(filepath.Join(dir, "gconv")); err != nil {
			return err
		}
	}
	if err := t.addOptional(optional...); err != nil {
		return err
	}
	for p, content := range etc {
		t.AddFile(p, 0o644, []byte(content))
	}
	return nil
}

// addModule adds a shared object that the sandbox can do without: if the host lacks what it needs, it loads on the host
// as little as in the sandbox.
func (t *Tree) addModule(p string) error {
	if !isELF(p) {
		return t.AddHost(p)
	}
	if err := t.AddProgram(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// addModules adds a directory of modules with their libraries, where the host has it.
func (t *Tree) addModules(dir string) error {
	if !public(dir) {
		return nil
	}
	if err := t.addOptional(dir); err != nil {
		return err
	}
	modules, err := filepath.Glob(filepath.Join(dir, "*.so"))
	if err != nil {
		return err
	}
	for _, m := range modules {
		if err := t.addModule(m); err != nil {
			return err
		}
	}
	return nil
}

// sharedObject reports whether the name is that of a library or an extension module: x.so, x.so.1.
func sharedObject(name string) bool {
	return strings.HasSuffix(name, ".so") || strings.Contains(name, ".so.")
}
