"""The invocation driver for CPython.

It speaks the framed protocol of frame.go on descriptor 3 and runs AWS Lambda
handlers. Between requests it blocks in a read. Modules that few functions
need are imported when they are needed: every import is paid at every boot.
"""
import importlib
import json
import os
import struct
import sys
import time
from importlib._bootstrap import module_from_spec  # as importlib.util has them, which is long to import
from importlib._bootstrap_external import spec_from_file_location
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec

CHANNEL = 3
TASK_ROOT = "/var/task"
PROTOCOL = 2
MAX_IMPORT = 300 << 20
MAX_FRAME = (6 << 20) + (64 << 10)
MAX_REPLY = 6 << 20

IMPORT, INVOKE, PREPARE = 1, 2, 3
HELLO, IMPORTED, RESULT, PREPARED = 65, 66, 67, 68
LOG_VARIABLE = "_LAMBDABENCH_LOG_FD"  # see logpipe.go
FLAG_ERROR, FLAG_CLONED, FLAG_FINAL = 1, 2, 4

HEADER = struct.Struct("<IBBHI")
CLONE = 20  # what a clone is told of itself: os.getpid() and os.urandom() know it already
LENGTH = struct.Struct("<I")


class DriverError(Exception):
    """An error that the driver reports under AWS Lambda's name for it."""

    def __init__(self, kind, message, trace=()):
        super().__init__(message)
        self.kind = kind
        self.trace = trace


class State:
    handler = None
    fn = {}
    restored = True  # a function's hooks for after the restore have run
    traced = False  # _X_AMZN_TRACE_ID is set
    request_id = ""
    unread = b""  # came with an earlier read
    input = output = CHANNEL  # other files during training runs
    failure = None  # the first of the training runs: a function's name and its error


# --- the channel -------------------------------------------------------------

def die(why):
    os.write(2, ("driver: %s\n" % why).encode())
    os._exit(70)


def read_exactly(n):
    """Returns the next n bytes. Most requests come whole with one read."""
    have = State.unread
    if len(have) < n:
        buf = bytearray(have)
        while len(buf) < n:
            chunk = os.read(State.input, max(16 << 10, min(n - len(buf), 1 << 20)))
            if not chunk:
                os._exit(0)  # the platform is gone
            buf += chunk
        have = bytes(buf)
    State.unread = have[n:]
    return have[:n]


def read_frame():
    length, kind, flags, _, seq = HEADER.unpack(read_exactly(HEADER.size))
    if length > (MAX_IMPORT if kind == IMPORT else MAX_FRAME):
        die("frame of %d bytes refused" % length)
    return kind, flags, seq, read_exactly(length)


def split_body(body):
    """Takes a request's JSON from what follows it."""
    at = 4 + LENGTH.unpack_from(body)[0] if len(body) >= 4 else len(body) + 1
    if at > len(body):
        die("request without its JSON")
    return json.loads(body[4:at]), at


def write_frame(kind, flags, seq, body):
    frame = HEADER.pack(len(body), kind, flags, 0, seq) + body
    sent = os.write(State.output, frame)
    while sent < len(frame):
        sent += os.write(State.output, memoryview(frame)[sent:])


def write_error(kind, flags, seq, what):
    """Replies with an error. Nobody reads the replies of training runs, whose first error is kept."""
    if State.output != CHANNEL and State.failure is None:
        State.failure = State.fn["name"], what
    write_frame(kind, FLAG_ERROR | flags, seq, encode(what))


# --- errors, in AWS Lambda's shape --------------------------------------------

def stdlib(name):
    """Imports a module of the library, whatever the package calls its own."""
    module = sys.modules.get(name)
    if module is None:
        path, sys.path = sys.path, [p for p in sys.path if p != State.fn.get("root")]
        try:
            module = importlib.import_module(name)
        finally:
            sys.path = path
    return module


def describe(exc):
    trace = getattr(exc, "trace", None)
    if trace is None:
        traceback = stdlib("traceback")
        frames = traceback.extract_tb(exc.__traceback__)
        # Of four fields a line is printed without marks below it.
        trace = traceback.format_list([(f.filename, f.lineno, f.name, f.line) for f in frames
                                       if f.filename != __file__ and "importlib" not in f.filename])
    return {
        "errorMessage": own_path(str(exc)),
        "errorType": getattr(exc, "kind", None) or type(exc).__name__,
        "requestId": State.request_id,
        "stackTrace": [own_path(frame) for frame in trace],
    }


def own_path(text):
    """A text with the package where a function expects it, wherever a backend has it."""
    root = State.fn.get("root") or TASK_ROOT
    return text if root == TASK_ROOT else text.replace(root + "/", TASK_ROOT + "/")


def encode(value):
    return json.dumps(value).encode()


# --- what the function prints --------------------------------------------------

# Descriptors 1 and 2 are the log, and sys.stdout and sys.stderr write to them
# without a buffer (python3 -u).

def adopt_log():
    """Makes the log that came on another descriptor descriptors 1 and 2."""
    fd = os.environ.pop(LOG_VARIABLE, None)
    if fd is not None:
        os.dup2(int(fd), 1)
        os.dup2(int(fd), 2)
        os.close(int(fd))


def one_line(text):
    """A message as one line of the log: its own ends of lines are carriage returns, as AWS Lambda's client has them."""
    return text.removesuffix("\n").replace("\n", "\r") + "\n"


def log_error(what):
    """Logs an error as AWS Lambda's client does."""
    text = "[ERROR] " + what["errorType"]
    if what["errorMessage"]:
        text += ": " + what["errorMessage"]
    text += "\nTraceback (most recent call last):"
    for frame in what["stackTrace"]:
        for one in frame.splitlines():
            bare = one.lstrip(" ")
            text += "\n" + "\u00a0" * (len(one) - len(bare)) + bare
    os.write(1, one_line(text).encode("utf-8", "replace"))


class LoggingHook:
    """Gives the root logger AWS Lambda's handler as soon as logging is imported."""

    def find_spec(self, name, path, target=None):
        if name != "logging":
            return None
        sys.meta_path.remove(self)
        spec = next(filter(None, (finder.find_spec(name, path) for finder in sys.meta_path)))
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            install_handler(module)

        spec.loader.exec_module = exec_module
        return spec


def install_handler(logging):
    class LambdaHandler(logging.Handler):
        def emit(self, record):
            record.aws_request_id = State.request_id
            sys.stdout.write(one_line(self.format(record)))

    handler = LambdaHandler()
    form = logging.Formatter("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n",
                             "%Y-%m-%dT%H:%M:%S")
    form.converter = time.gmtime
    handler.setFormatter(form)
    logging.getLogger().addHandler(handler)


# --- import --------------------------------------------------------------------

def write_files(root, files, data):
    try:
        os.rmdir(root + "/lib")  # was there for ld.so to remember; the package may have none
    except OSError:
        pass
    at = 0
    for f in files:
        to = os.path.normpath(os.path.join(root, f["path"]))
        if not to.startswith(root + os.sep):
            raise DriverError("Runtime.ImportModuleError", "path outside the package: " + f["path"])
        os.makedirs(os.path.dirname(to), exist_ok=True)
        content = data[at : at + f["size"]]
        at += f["size"]
        if f.get("link"):
            os.symlink(bytes(content), to)
            continue
        with open(to, "wb") as out:
            out.write(content)
        os.chmod(to, f["mode"])


def is_plain(root, name):
    """Whether root/name.py is what an import of name finds there: no package and no extension comes before it."""
    stem = os.path.join(root, name)
    return "." not in name and os.path.isfile(stem + ".py") and not os.path.isdir(stem) and not any(
        os.path.isfile(stem + suffix) for suffix in EXTENSION_SUFFIXES)


def import_module(root, name):
    """Imports name from the package, also where a module of the library is loaded under that name already. A plain
    module needs no search: a sandbox that runs its first code pays for every function that it calls first."""
    path = os.path.join(root, *name.split(".")) + ".py"
    loaded = sys.modules.get(name)
    if getattr(loaded, "__file__", None) == path:
        return loaded
    if not (is_plain(root, name) if loaded is None else os.path.isfile(path)):
        importlib.invalidate_caches()
        return importlib.import_module(name)
    spec = spec_from_file_location(name, path)
    module = module_from_spec(spec)
    if loaded is not None:  # the library keeps its own
        spec.loader.exec_module(module)
        return module
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return sys.modules.get(name, module)


def load(root, name):
    module_name, dot, attribute = name.rpartition(".")
    if not dot or not module_name or not attribute or ".." in name:
        raise DriverError("Runtime.MalformedHandlerName",
                          "Bad handler '%s': not enough values to unpack (expected 2, got 1)" % name)
    if root not in sys.path:
        sys.path.insert(0, root)
    module_name = module_name.replace("/", ".").lstrip(".")
    try:
        module = import_module(root, module_name)
    except SyntaxError as exc:
        raise DriverError("Runtime.UserCodeSyntaxError", "Syntax error in module '%s': %s" % (module_name, exc),
                          ['  File "%s" Line %s\n    %s' % (exc.filename, exc.lineno, exc.text)]) from exc
    except ImportError as exc:
        raise DriverError("Runtime.ImportModuleError", "Unable to import module '%s': %s" % (module_name, exc)) from exc
    handler = getattr(module, attribute, None)
    if not callable(handler):
        raise DriverError("Runtime.HandlerNotFound", "Handler '%s' missing on module '%s'" % (attribute, module_name))
    return handler


def leave(exc):
    """Ends the process as sys.exit would, without waiting for threads."""
    code = exc.code
    if code is not None and not isinstance(code, int):
        os.write(2, ("%s\n" % (code,)).encode("utf-8", "replace"))
        code = 1
    os._exit((code or 0) & 0xFF)


def set_environment(fn):
    """Gives the process the function's variables. The interpreter read its own when it started: TZ and PYTHONPATH are
    applied here."""
    os.environ.update(
        AWS_LAMBDA_FUNCTION_NAME=fn["name"], AWS_LAMBDA_FUNCTION_VERSION=fn["version"],
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE=str(fn["memory"]), _HANDLER=fn["handler"],
        AWS_LAMBDA_LOG_GROUP_NAME=fn["group"], AWS_LAMBDA_LOG_STREAM_NAME=fn["stream"],
    )
    if fn["root"] != TASK_ROOT:
        os.environ["LAMBDA_TASK_ROOT"] = fn["root"]
    if fn.get("credentials"):
        os.environ.update(fn["credentials"])
    own = fn.get("env")
    if not own:
        return
    os.environ.update(own)
    if "TZ" in own:
        time.tzset()
    for directory in reversed(own.get("PYTHONPATH", "").split(os.pathsep)):
        if directory and directory not in sys.path:
            sys.path.insert(0, directory)


class Hooks:
    """The hooks of SnapStart, module snapshot_restore_py, for functions whose package does not bring it."""

    SOURCE = """
_before, _after = [], []

def register_before_snapshot(func, *args, **kwargs):
    _before.append((func, args, kwargs))
    return func

def register_after_restore(func, *args, **kwargs):
    _after.append((func, args, kwargs))
    return func

def get_before_snapshot():
    return _before

def get_after_restore():
    return _after
"""

    def find_spec(self, name, path=None, target=None):
        if name == "snapshot_restore_py":
            return ModuleSpec(name, self)

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(self.SOURCE, module.__dict__)


def run_before_snapshot():
    hooks = sys.modules.get("snapshot_restore_py")
    registered = hooks and hooks.get_before_snapshot()
    while registered:  # the last one first, as AWS Lambda's client does
        func, args, kwargs = registered.pop()
        func(*args, **kwargs)


def run_after_restore():
    """Tells a function that this sandbox begins to serve: after the sandbox was cloned from a snapshot, or once after
    the import, where there are no snapshots."""
    State.restored = True
    hooks = sys.modules.get("snapshot_restore_py")
    if hooks is not None:
        for func, args, kwargs in hooks.get_after_restore():
            func(*args, **kwargs)


def end_restore(seq, exc):
    """A sandbox that was not restored serves nothing."""
    what = describe(exc)
    log_error(what)
    write_error(RESULT, FLAG_FINAL, seq, what)
    os._exit(65)


def on_import(seq, body):
    fn, at = split_body(body)
    State.fn = fn
    State.restored = False
    try:
        set_environment(fn)
        if fn.get("files"):
            write_files(fn["root"], fn["files"], memoryview(body)[at:])
        os.chdir(fn["root"])
        State.handler = load(fn["root"], fn["handler"])
        run_before_snapshot()
    except SystemExit as exc:
        leave(exc)
    except BaseException as exc:  # the function's own code runs here
        what = describe(exc)
        log_error(what)
        return write_error(IMPORTED, 0, seq, what)
    write_frame(IMPORTED, 0, seq, b"")


# --- invoke --------------------------------------------------------------------

class Record:
    """An object with the given attributes."""

    def __init__(self, **fields):
        self.__dict__.update(fields)


class Context:
    def __init__(self, meta):
        fn = State.fn
        self.function_name = fn.get("name")
        self.function_version = fn.get("version")
        self.invoked_function_arn = fn.get("arn")
        self.memory_limit_in_mb = str(fn.get("memory"))
        self.aws_request_id = meta["id"]
        self.log_group_name = fn.get("group")
        self.log_stream_name = fn.get("stream")
        client = meta.get("client")
        self.client_context = client and Record(
            custom=client.get("custom"), env=client.get("env"), client=Record(**(client.get("client") or {})))
        self.identity = Record(cognito_identity_id=None, cognito_identity_pool_id=None)
        self._deadline = meta["deadline"]

    def get_remaining_time_in_millis(self):
        return max(0, int(self._deadline - time.time() * 1000))

    def log(self, message):
        sys.stdout.write(str(message))


def to_number(value):
    """Decimal is the one type beyond json's own that AWS Lambda encodes."""
    if type(value).__name__ == "Decimal":
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError("Object of type %s is not JSON serializable" % type(value).__name__)


def call(event, meta):
    try:
        event = json.loads(event) if event else None
    except ValueError as exc:
        raise DriverError("Runtime.UnmarshalError", "Unable to unmarshal input: %s" % exc) from None
    value = State.handler(event, Context(meta))
    if value is None:
        return b"null"
    try:
        reply = json.dumps(value, default=to_number, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as exc:
        if type(value).__name__ == "coroutine":
            value.close()
        raise DriverError("Runtime.MarshalError", "Unable to marshal response: %s" % exc) from None
    if len(reply) > MAX_REPLY:
        raise DriverError("Function.ResponseSizeTooLarge",
                          "Response payload size exceeded maximum allowed payload size (%d bytes)." % MAX_REPLY)
    return reply


def trace(name):
    State.traced = name is not None
    if State.traced:
        os.environ["_X_AMZN_TRACE_ID"] = name
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)


def on_invoke(seq, body):
    meta, at = split_body(body)
    State.request_id = meta["id"]
    if State.traced or "trace" in meta:
        trace(meta.get("trace"))
    if not State.restored:
        try:
            run_after_restore()
        except BaseException as exc:
            end_restore(seq, exc)
    try:
        reply = call(body[at:], meta)
    except SystemExit as exc:
        leave(exc)
    except MemoryError as exc:
        exc.__traceback__ = None  # it holds what the function had allocated
        what = {"errorType": "Runtime.OutOfMemory", "errorMessage": "memory exhausted: MemoryError"}
        write_error(RESULT, FLAG_FINAL, seq, what)
        os._exit(137)
    except BaseException as exc:
        what = describe(exc)
        log_error(what)
        return write_error(RESULT, 0, seq, what)
    write_frame(RESULT, 0, seq, reply)


# --- anticipatory optimisation ---------------------------------------------------

TRAINING_RUNS, TRAINING_CALLS = 4, 3  # with more functions there are as many runs as functions


def request(kind, flags, meta, body):
    head = encode(meta)
    rest = bytes(CLONE if flags & FLAG_CLONED else 0) + LENGTH.pack(len(head)) + head + body
    return HEADER.pack(len(rest), kind, flags, 0, 0) + rest


def training_runs(functions):
    """Serves the requests of training functions, in turns, from a file, by the code that serves the real function
    later: late imports, caches and growth on first use are then done. Nothing else stays of a training function. A
    function that fails makes the step fail, once all runs are done."""
    import shutil
    import tempfile
    root = tempfile.mkdtemp(prefix="training-")
    env, cwd, path = dict(os.environ), os.getcwd(), list(sys.path)
    frames = b""
    runs = max(TRAINING_RUNS, len(functions))
    for i in range(runs):
        function = functions[i % len(functions)]
        source = function["source"].encode()
        frames += request(IMPORT, FLAG_CLONED, {
            "root": root + "/task",
            "files": [{"path": "training_function%d.py" % i, "size": len(source), "mode": 0o644}],
            "handler": "training_function%d.handler" % i, "name": function["name"], "version": "0", "arn": "",
            "memory": 0, "group": "g", "stream": "s"}, source)
        frames += TRAINING_CALLS * request(
            INVOKE, 0, {"id": "0", "deadline": 0, "trace": "Root=1-0-0"}, b'{"training": [1, "two", {}]}')
    with open(root + "/frames", "wb") as f:
        f.write(frames)
    State.input, State.output = os.open(root + "/frames", os.O_RDONLY), os.open("/dev/null", os.O_WRONLY)
    for _ in range(runs * (1 + TRAINING_CALLS)):
        serve()
    try:
        raise ValueError("training")
    except ValueError as exc:
        describe(exc)
    os.close(State.input)
    os.close(State.output)
    State.input = State.output = CHANNEL
    State.handler, State.fn, State.request_id = None, {}, ""
    for name in set(os.environ) - set(env):
        del os.environ[name]
    os.environ.update(env)
    State.restored, State.traced = True, False
    for name in [n for n in sys.modules if n.startswith("training_function")]:
        del sys.modules[name]
    sys.path[:] = path
    for cached in [p for p in sys.path_importer_cache if p.startswith(root)]:
        del sys.path_importer_cache[cached]
    os.chdir(cwd)
    shutil.rmtree(root)
    if State.failure is not None:
        name, what = State.failure
        State.failure = None
        raise DriverError(what["errorType"], "training function %s: %s" % (name, what["errorMessage"]),
                          what["stackTrace"])


def step_network():
    import http.server
    import threading
    import urllib.request

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    worker = threading.Thread(target=server.handle_request)
    worker.start()
    urllib.request.urlopen("http://127.0.0.1:%d/" % server.server_port).read()
    worker.join()
    server.server_close()


def step_gc():
    import gc
    gc.collect()


STEPS = {"network": step_network, "gc": step_gc}


def on_prepare(seq, body):
    try:
        what = json.loads(body)
        steps = {**STEPS, "interpreter": lambda: training_runs(what["training"])}
        for name in what["steps"]:
            if name not in steps:
                raise ValueError("unknown step '%s'" % name)
            steps[name]()
    except Exception as exc:
        return write_error(PREPARED, 0, seq, describe(exc))
    write_frame(PREPARED, 0, seq, b"")


# --- serve ------------------------------------------------------------------------

def reseed():
    """Gives a clone random state of its own; what reads os.urandom has it already."""
    for name in ("random", "numpy.random"):
        module = sys.modules.get(name)
        if module is not None and hasattr(module, "seed"):
            module.seed()


HANDLERS = {IMPORT: on_import, INVOKE: on_invoke, PREPARE: on_prepare}


def serve():
    kind, flags, seq, body = read_frame()
    if flags & FLAG_CLONED:
        if len(body) < CLONE:
            die("clone without its identity")
        reseed()
        State.restored = State.handler is None
        if kind == INVOKE:  # the function was in the snapshot
            os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"] = "snap-start"
        body = body[CLONE:]
    handle = HANDLERS.get(kind)
    if handle is None:
        die("unknown frame type %d" % kind)
    handle(seq, body)


def main():
    adopt_log()
    sys.meta_path.insert(0, LoggingHook())
    sys.meta_path.append(Hooks())
    write_frame(HELLO, 0, 0, encode({
        "protocol": PROTOCOL, "language": "python", "version": sys.version.split()[0], "pid": os.getpid(),
    }))
    while True:
        serve()


if __name__ == "__main__":
    main()
