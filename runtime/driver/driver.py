"""The invocation driver for CPython.

It speaks the framed protocol of frame.go on descriptor 3 and runs AWS Lambda
handlers. Between requests it blocks in a read.
"""
import importlib.util
import io
import json
import os
import struct
import sys
import time
import traceback

CHANNEL = 3
PROTOCOL = 1
MAX_IMPORT = 300 << 20
MAX_FRAME = (6 << 20) + (64 << 10)
MAX_REPLY = 6 << 20

IMPORT, INVOKE, PREPARE = 1, 2, 3
HELLO, IMPORTED, RESULT, LOG, PREPARED = 65, 66, 67, 68, 69
FLAG_ERROR, FLAG_CLONED = 1, 2

HEADER = struct.Struct("<IBBHI")
LENGTH = struct.Struct("<I")


class DriverError(Exception):
    """An error that the driver reports under AWS Lambda's name for it."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


# --- the channel -------------------------------------------------------------

def read_full(n):
    chunk = os.read(CHANNEL, n) if n else b""
    if len(chunk) == n:
        return chunk
    out = bytearray(chunk)
    while len(out) < n:
        chunk = os.read(CHANNEL, min(n - len(out), 1 << 20))
        if not chunk:
            os._exit(0)
        out += chunk
    return bytes(out)


def read_frame():
    length, kind, flags, _, seq = HEADER.unpack(read_full(HEADER.size))
    if length > (MAX_IMPORT if kind == IMPORT else MAX_FRAME):
        os.write(2, b"driver: frame of %d bytes refused\n" % length)
        os._exit(70)
    return kind, flags, seq, read_full(length)


def write_frame(kind, flags, seq, body):
    view = memoryview(HEADER.pack(len(body), kind, flags, 0, seq) + body)
    while view:
        view = view[os.write(CHANNEL, view):]


# --- errors, in AWS Lambda's shape --------------------------------------------

def describe(exc, kind=None):
    frames = traceback.extract_tb(exc.__traceback__)
    own = [f for f in frames if f.filename != __file__ and "importlib" not in f.filename]
    kind = kind or getattr(exc, "kind", None) or type(exc).__name__
    return json.dumps({
        "errorType": kind,
        "errorMessage": str(exc),
        "trace": traceback.format_list(own),
    }).encode()


# --- what the function prints --------------------------------------------------

class Output(io.TextIOBase):
    """stdout and stderr of the function: each write is a Log frame."""

    encoding = "utf-8"

    def writable(self):
        return True

    def write(self, text):
        if text:
            write_frame(LOG, 0, State.seq, text[: MAX_FRAME >> 2].encode("utf-8", "replace"))
        return len(text)


class State:
    handler = None
    fn = {}
    seq = 0


# --- import --------------------------------------------------------------------

def write_files(root, files, data):
    at = 0
    for f in files:
        to = os.path.normpath(os.path.join(root, f["path"]))
        if not to.startswith(root + os.sep):
            raise DriverError("Runtime.ImportModuleError", "path outside the package: " + f["path"])
        os.makedirs(os.path.dirname(to), exist_ok=True)
        with open(to, "wb") as out:
            out.write(data[at : at + f["size"]])
        os.chmod(to, f["mode"])
        at += f["size"]


def load(root, name):
    module_name, dot, attribute = name.rpartition(".")
    if not dot or not module_name or not attribute or ".." in name:
        raise DriverError("Runtime.MalformedHandlerName", "Bad handler '%s'" % name)
    if root not in sys.path:
        sys.path.insert(0, root)
    importlib.invalidate_caches()
    module_name = module_name.replace("/", ".")
    try:
        module = importlib.import_module(module_name)
    except SyntaxError as exc:
        raise DriverError("Runtime.UserCodeSyntaxError", "Syntax error in module '%s': %s" % (module_name, exc)) from exc
    except ImportError as exc:
        raise DriverError("Runtime.ImportModuleError", "Unable to import module '%s': %s" % (module_name, exc)) from exc
    handler = getattr(module, attribute, None)
    if not callable(handler):
        raise DriverError("Runtime.HandlerNotFound", "Handler '%s' missing on module '%s'" % (attribute, module_name))
    return handler


def on_import(seq, body):
    (n,) = LENGTH.unpack_from(body)
    fn = State.fn = json.loads(body[4 : 4 + n])
    os.environ.update(fn.get("env") or {})
    os.environ.update(
        AWS_LAMBDA_FUNCTION_NAME=fn["name"], AWS_LAMBDA_FUNCTION_VERSION=fn["version"],
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE=str(fn["memory"]), LAMBDA_TASK_ROOT=fn["root"], _HANDLER=fn["handler"],
    )
    try:
        if fn.get("files"):
            write_files(fn["root"], fn["files"], memoryview(body)[4 + n :])
        os.chdir(fn["root"])
        State.handler = load(fn["root"], fn["handler"])
    except BaseException as exc:  # the function's own code runs here, SystemExit included
        return write_frame(IMPORTED, FLAG_ERROR, seq, describe(exc))
    write_frame(IMPORTED, 0, seq, b"")


# --- invoke --------------------------------------------------------------------

class Context:
    def __init__(self, meta):
        fn = State.fn
        self.function_name = fn.get("name")
        self.function_version = fn.get("version")
        self.invoked_function_arn = fn.get("arn")
        self.memory_limit_in_mb = str(fn.get("memory"))
        self.aws_request_id = meta["id"]
        self.log_group_name = "/aws/lambda/%s" % fn.get("name")
        self.log_stream_name = meta["id"]
        self.client_context = meta.get("client")
        self.identity = None
        self._deadline = meta["deadline"]

    def get_remaining_time_in_millis(self):
        return max(0, int(self._deadline - time.time() * 1000))


def on_invoke(seq, body):
    (n,) = LENGTH.unpack_from(body)
    meta = json.loads(body[4 : 4 + n])
    State.seq = seq
    try:
        value = State.handler(json.loads(body[4 + n :] or b"null"), Context(meta))
        try:
            reply = json.dumps(value).encode()
        except (TypeError, ValueError) as exc:
            raise DriverError("Runtime.MarshalError", "Unable to marshal response: %s" % exc) from None
        if len(reply) > MAX_REPLY:
            raise DriverError("Function.ResponseSizeTooLarge",
                              "Response payload size exceeded maximum allowed payload size (%d bytes)." % MAX_REPLY)
    except Exception as exc:
        return write_frame(RESULT, FLAG_ERROR, seq, describe(exc))
    write_frame(RESULT, 0, seq, reply)


# --- anticipatory optimisation ---------------------------------------------------

def step_interpreter():
    scope = {}
    exec(compile("def handler(event, context):\n    return {'event': event, 'id': context.aws_request_id}\n", "/dummy.py", "exec"), scope)
    reply = scope["handler"](json.loads('{"dummy": [1, "two", {}]}'), Context({"id": "0", "deadline": 0}))
    json.dumps(reply)
    try:
        raise ValueError("dummy")
    except ValueError as exc:
        describe(exc)


def step_network():
    import http.server
    import threading
    import urllib.request

    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    server.RequestHandlerClass.do_GET = lambda self: (self.send_response(200), self.send_header("Content-Length", "0"), self.end_headers())
    server.RequestHandlerClass.log_message = lambda *a: None
    worker = threading.Thread(target=server.handle_request)
    worker.start()
    urllib.request.urlopen("http://127.0.0.1:%d/" % server.server_port).read()
    worker.join()
    server.server_close()


def step_gc():
    import gc

    gc.collect()


STEPS = {"interpreter": step_interpreter, "network": step_network, "gc": step_gc}


def on_prepare(seq, body):
    try:
        for name in json.loads(body).get("steps") or []:
            STEPS[name]()
    except Exception as exc:
        return write_frame(PREPARED, FLAG_ERROR, seq, describe(exc))
    write_frame(PREPARED, 0, seq, b"")


# --- serve ------------------------------------------------------------------------

def reseed():
    """Gives a clone random state of its own."""
    import random

    random.seed()


def main():
    sys.stdout = sys.stderr = Output()
    write_frame(HELLO, 0, 0, json.dumps({
        "protocol": PROTOCOL, "language": "python", "version": sys.version.split()[0], "pid": os.getpid(),
    }).encode())
    handlers = {IMPORT: on_import, INVOKE: on_invoke, PREPARE: on_prepare}
    while True:
        kind, flags, seq, body = read_frame()
        if flags & FLAG_CLONED:
            reseed()
        if kind not in handlers:
            os.write(2, b"driver: unknown frame type %d\n" % kind)
            os._exit(70)
        handlers[kind](seq, body)


if __name__ == "__main__":
    main()
