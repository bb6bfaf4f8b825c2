"""Every case that is one call of a handler: event["do"] names it."""
import ctypes
import logging
import os
import random
import re
import secrets
import subprocess
import sys
import tempfile
import threading
import time
import uuid

kept = None


def echo(event, _):
    return event["value"]


def throw(_event, _context):
    raise TypeError("boom")


def do_print(_event, _context):
    print("from the log")
    print("from the error", 42, file=sys.stderr)
    sys.stdout.write("from stdout\n")
    logging.getLogger().warning("from logging")


def print_raw(_event, _context):
    os.write(1, b"raw one\n")
    logging.getLogger().warning("two\nlines")
    os.write(2, b"raw three\n")
    sys.stdout.buffer.write(b"bytes four\n")
    libc = ctypes.CDLL(None)
    libc.printf(b"native five\n")


def print_and_throw(event, _context):
    print_much(event, None)
    print("the last line")
    raise TypeError("at the end")


def print_and_crash(_event, _context):
    print("before the crash")
    os.abort()


def print_and_hang(_event, _context):
    print("before the time-out")
    time.sleep(1e5)


def print_and_hog(_event, _context):
    print("before the end of memory")
    hog(None, None)


def fail_later(_event, _context):
    def end():
        print("after the reply", flush=True)
        os._exit(7)
    threading.Timer(0.05, end).start()
    return "replied"


def print_much(event, _):
    for _ in range(event["lines"]):
        print("x" * 1000)


def print_at_once(event, _):
    return sys.stdout.write("y" * event["bytes"])


def context(_event, c):
    client = c.client_context
    return {
        "id": c.aws_request_id, "name": c.function_name, "version": c.function_version, "arn": c.invoked_function_arn,
        "memory": c.memory_limit_in_mb, "remaining": c.get_remaining_time_in_millis(),
        "client": {"custom": client.custom} if client else None,
    }


def environment(_event, _context):
    return {
        "own": os.environ.get("OWN"), "name": os.environ.get("AWS_LAMBDA_FUNCTION_NAME"),
        "root": os.environ.get("LAMBDA_TASK_ROOT"), "cwd": os.getcwd(), "secret": os.environ.get("PLATFORM_SECRET"),
    }


def circular(_event, _context):
    loop = []
    loop.append(loop)
    return loop


def randoms(_event, _context):
    return [str(random.random()), os.urandom(16).hex(), str(uuid.uuid4()), secrets.token_hex(16),
            "pid:%d" % os.getpid()]


def spin(event, _):
    end = time.time() + event["ms"] / 1000
    while time.time() < end:
        pass


def remember(event, _):
    global kept
    kept = event["value"]


def write_tmp(_event, _context):
    path = os.path.join(tempfile.gettempdir(), "kept")
    with open(path, "w") as f:
        f.write("here")
    with open(path) as f:
        return f.read()


def create(event, _):
    try:
        open(event["path"], "w").close()
    except OSError:
        return False
    return True


def read(event, _):
    try:
        with open(event["path"]) as f:
            return f.read()
    except OSError:
        return ""


def loop(_event, _context):
    print("begun")
    while True:
        pass


def hang(_event, _context):
    print("begun")
    time.sleep(1e5)


def native(_event, _context):
    re.match(r"(a+)+$", "a" * 60 + "b")


def hog(_event, _context):
    blocks = []
    while True:
        blocks.append(bytearray(b"x") * (4 << 20))


def kill_self(_event, _context):
    os.kill(os.getpid(), 9)


def exit_later(_event, _context):
    threading.Timer(0.1, lambda: os._exit(7)).start()


async def coroutine(_event, _context):
    return "never awaited"


def escape(event, _):
    """A grandchild in a session of its own, whose parent is gone."""
    try:
        pid = os.fork()
    except OSError as exc:
        return {"refused": exc.strerror}
    if pid == 0:
        os.setsid()
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)", event["mark"]],
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os._exit(0)
    os.waitpid(pid, 0)
    return {"started": True}


def fork_bomb(event, _):
    outcome = {"started": 0, "refused": 0}
    for _ in range(event["tries"]):
        try:
            if os.fork() == 0:
                time.sleep(1000)
                os._exit(0)
            outcome["started"] += 1
        except OSError:
            outcome["refused"] += 1
    return outcome


CASES = {
    "echo": echo, "throw": throw, "print": do_print, "printMuch": print_much, "printAtOnce": print_at_once,
    "printRaw": print_raw, "printAndThrow": print_and_throw, "printAndCrash": print_and_crash,
    "printAndHang": print_and_hang, "printAndHog": print_and_hog, "failLater": fail_later, "context": context,
    "environment": environment, "size": lambda e, c: len(e["value"]), "big": lambda e, c: "x" * e["bytes"],
    "variables": lambda e, c: dict(os.environ), "trace": lambda e, c: os.environ.get("_X_AMZN_TRACE_ID"),
    "circular": circular, "unserializable": lambda e, c: b"bytes", "nan": lambda e, c: float("nan"),
    "nothing": lambda e, c: None, "spin": spin, "random": randoms, "clock": lambda e, c: int(time.time() * 1000),
    "remember": remember, "recall": lambda e, c: kept, "writeTmp": write_tmp,
    "create": create, "exists": lambda e, c: os.path.exists(e["path"]), "read": read,
    "loop": loop, "native": native, "hang": hang, "hog": hog,
    "exit0": lambda e, c: sys.exit(0), "exit3": lambda e, c: sys.exit(3), "exitInner": lambda e, c: os._exit(4),
    "training": lambda e, c: [name for name in [*sys.modules, *os.listdir(tempfile.gettempdir()), *sys.path]
                              if "training" in name],
    "killSelf": kill_self, "exitLater": exit_later,
    "garbage": lambda e, c: os.write(3, b"this is no frame, it is garbage"),
    "closeChannel": lambda e, c: os.close(3), "coroutine": coroutine, "escape": escape, "forkBomb": fork_bomb,
}


def handler(event, context):
    return CASES[event["do"]](event, context)


not_a_function = 42
