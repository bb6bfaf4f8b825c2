"""Runs one module of CPython's own test suite and reports every test, one line each, on descriptor 3.

    runner.py TESTS MODULE FIRST

TESTS is the directory that holds the package test, FIRST the number of the first test to run. The same file runs in a
process and in a unikernel context. A test needs fork or exec if the kernel counts a child while it runs, or while the
fixtures of its class or module run.
"""
import fcntl
import glob
import json
import os
import resource
import sys
import unittest

OUT = fcntl.fcntl(3, fcntl.F_DUPFD_CLOEXEC, 400)  # out of the way of tests that count on low numbers
os.close(3)


def say(**line):
    os.write(OUT, ("\n\x1e%s\n" % json.dumps(line)).encode())


def children():
    """Differs from an earlier value if a child was made since."""
    r = resource.getrusage(resource.RUSAGE_CHILDREN)
    alive = []
    for path in glob.glob("/proc/self/task/*/children"):
        try:
            with open(path) as f:
                alive += f.read().split()
        except OSError:
            pass  # the thread has ended
    return r.ru_minflt, r.ru_nvcsw, r.ru_nivcsw, sorted(alive)


class Reporter(unittest.TestResult):
    def __init__(self, first):
        super().__init__()
        self.number = first
        self.before = children()
        self.group = None
        self.spawns = False  # the fixtures of this group made a child

    def startTest(self, test):
        super().startTest(test)
        now = children()
        if type(test) is not self.group:
            self.group, self.spawns = type(test), now != self.before
        self.before = now
        self.outcome, self.why = "pass", ""
        say(start=test.id(), number=self.number)

    def stopTest(self, test):
        super().stopTest(test)
        now = children()
        forked = self.spawns or now != self.before
        self.before = now
        say(end=test.id(), number=self.number, outcome=self.outcome, why=self.why[-600:], forked=forked)
        self.number += 1
        self.failures.clear()
        self.errors.clear()

    def fail(self, test, err):
        self.outcome, self.why = "fail", self._exc_info_to_string(err, test)

    def addError(self, test, err):
        if isinstance(test, unittest.TestCase):
            self.fail(test, err)
        else:
            say(fixture=str(test), why=self._exc_info_to_string(err, test)[-600:])

    addFailure = fail

    def addSkip(self, test, reason):
        self.outcome, self.why = "skip", reason

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.fail(test, err)

    def addUnexpectedSuccess(self, test):
        self.outcome, self.why = "fail", "unexpected success"


def flat(suite):
    for part in suite:
        if isinstance(part, unittest.TestSuite):
            yield from flat(part)
        else:
            yield part


def main(tests, module, first):
    sys.path.insert(0, tests)
    work = os.path.join(os.environ["TMPDIR"], "work")
    os.makedirs(work, exist_ok=True)
    os.chdir(work)
    sys.argv = ["runner.py"]
    import test.support
    test.support.use_resources = ["network"]  # sockets on loopback; without what takes hours or gigabytes
    suite = unittest.defaultTestLoader.loadTestsFromName("test." + module)
    todo = list(flat(suite))[first:]
    unittest.TestSuite(todo).run(Reporter(first))
    say(done=first + len(todo))
    os._exit(0)  # whatever threads a test has left


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
