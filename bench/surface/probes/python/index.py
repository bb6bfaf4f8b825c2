"""What a function sees of its surroundings, and what it can use up."""
import os
import platform
import time


def attempt(f, otherwise):
    try:
        return f()
    except Exception:
        return otherwise


def read(path):
    with open(path) as f:
        return f.read()


def look(event):
    return {
        "root": attempt(lambda: len(os.listdir("/")), 0),
        "secret": attempt(lambda: len(read("/etc/shadow")) > 0, False),
        "processes": attempt(lambda: len([n for n in os.listdir("/proc") if n.isdigit()]), 0),
        "interfaces": attempt(
            lambda: [l.split(":")[0].strip() for l in read("/proc/net/dev").splitlines() if ":" in l], []),
        "kernel": platform.release() + " " + platform.version(),
        "uid": os.getuid(),
    }


def spin(event):
    """Keeps the processor for so many ms."""
    start = time.monotonic()
    while time.monotonic() - start < event["ms"] / 1000:
        pass


def memory(event):
    kept = []
    for _ in range(event["bytes"] >> 20):
        kept.append(bytearray(b"x") * (1 << 20))
    return len(kept)


def processes(event):
    """Starts children that wait, and reports how many came up."""
    import signal

    started = []
    for _ in range(event["count"]):
        try:
            pid = os.fork()
        except OSError:
            break
        if pid == 0:
            time.sleep(60)
            os._exit(0)
        started.append(pid)
    for pid in started:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return len(started)


def handler(event, context):
    return {"look": look, "spin": spin, "memory": memory, "processes": processes}[event["probe"]](event)
