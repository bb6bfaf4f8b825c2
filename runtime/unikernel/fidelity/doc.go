// Package fidelity measures how much of an interpreter's own test suite passes
// in a unikernel context (UC), out of what passes as a process on the same
// host. The suites are not part of this repository; whoever runs it brings
// them:
//
//	apt-get download libpython3.11-testsuite && dpkg -x libpython3.11-testsuite_*.deb py
//	./run.sh fidelity python py/usr/lib/python3.11/test
//	./run.sh fidelity -sample 400 -seed 13 node node-v20.19.2/test
//
// # Rule
//
// What is compared is decided before a UC runs, and never by a UC's result.
// A test counts if it passes as a process and needs neither fork nor exec:
//
//   - Python: the kernel counts no child while the test, or the fixtures of
//     its class, run as a process (runner.py).
//   - Node.js: neither the test's source nor a helper in test/common that it
//     requires, other than index.js, names child_process, cluster or fork
//     (nodejs.go). Tests of a debugger's port need a second process as well.
//
// A module of Python's suite shares a UC, a file of Node's has one of its own.
// A test that ends its UC fails, one that says nothing until its deadline
// hangs; the tests behind it go on in a new UC. A test that passed as a
// process and has no result in a UC has failed.
package fidelity
