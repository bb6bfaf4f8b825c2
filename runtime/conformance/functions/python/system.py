"""What programs ask of the system below them; event["do"] names the case."""
import asyncio
import select
import socket
import struct
import threading


def refused_connects(_event):
    """Many at once, kept open; how many of them were answered as they should be."""
    socks, answered = [], 0
    for _ in range(300):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(("127.0.0.1", 1))
        socks.append(s)
    for s in socks:
        select.select([], [s], [], 10)
        error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        answered += error in (0, 111)  # 0: connect itself said so
    for s in socks:
        s.close()
    return answered


def listen_anywhere(_event):
    async def run():
        async def echo(reader, writer):
            writer.write(await reader.read(100))
            writer.close()

        server = await asyncio.start_server(echo, None, 0)
        port = next(s for s in server.sockets if s.family == socket.AF_INET).getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"hello")
        writer.write_eof()
        got = await reader.read()
        server.close()
        return got.decode()

    socket.getaddrinfo(None, 8080)
    return asyncio.run(run())


def reset(_event):
    """The other side closes with data unread."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        a = socket.create_connection(listener.getsockname())
        b, _ = listener.accept()
        a.sendall(b"unread")
        select.select([b], [], [], 5)
        b.close()
        try:
            a.recv(1)
        except OSError as e:
            return type(e).__name__
        finally:
            a.close()
    return "none"


def options(_event):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 3))
        return [s.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY),
                struct.unpack("ii", s.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8))[1]]


def interrupted_server(_event):
    """A server that is shut down while a client's connection stays open and idle."""
    import http.client
    import http.server

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = http.server.HTTPServer(("localhost", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    client = http.client.HTTPConnection("localhost", server.server_port)
    client.request("GET", "/")
    status = client.getresponse().status
    client.close()
    server.shutdown()
    thread.join(10)
    server.server_close()
    return [status, thread.is_alive()]


def write_ahead_log(_event):
    """SQLite maps the index of its log, which grows while it is mapped."""
    import sqlite3
    import tempfile

    with tempfile.TemporaryDirectory() as d:
        db = sqlite3.connect(d + "/db")
        mode = db.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        db.execute("PRAGMA wal_autocheckpoint=0")
        db.execute("PRAGMA cache_size=10")
        db.execute("CREATE TABLE t (a)")
        db.executemany("INSERT INTO t VALUES (?)", (("x" * 3000,) for _ in range(6000)))
        db.commit()
        n = db.execute("SELECT count(*) FROM t").fetchone()[0]
        db.close()
        return [mode, n]


def named_pipe(_event):
    import os
    import tempfile

    with tempfile.TemporaryDirectory() as d:
        os.mkfifo(d + "/p")

        def speak():
            with open(d + "/p", "w") as w:
                w.write("through")

        thread = threading.Thread(target=speak)
        thread.start()
        with open(d + "/p") as r:
            got = r.read()
        thread.join()
        return got


def descriptors(_event):
    """A socket is handed from one thread to another in a message."""
    a, b = socket.socketpair(socket.AF_UNIX)
    x, y = socket.socketpair()
    socket.send_fds(a, [b"here"], [y.fileno()])
    message, fds, _, _ = socket.recv_fds(b, 100, 4)
    handed = socket.socket(fileno=fds[0])
    x.sendall(b"hello")
    got = handed.recv(10)
    for s in (a, b, x, y, handed):
        s.close()
    return [message.decode(), got.decode()]


def watched(_event):
    """A directory's events, in the words of Node.js, and a file's size."""
    import ctypes
    import os
    import tempfile

    libc = ctypes.CDLL(None, use_errno=True)
    modify, moved_to, create, delete = 2, 0x80, 0x100, 0x200
    words = {modify: "change", moved_to: "rename", create: "rename", delete: "rename"}
    with tempfile.TemporaryDirectory() as d:
        fd = libc.inotify_init1(os.O_CLOEXEC)
        if fd < 0 or libc.inotify_add_watch(fd, os.fsencode(d), modify | moved_to | create | delete) < 0:
            raise OSError(ctypes.get_errno(), "inotify")

        def heard():
            ready, _, _ = select.select([fd], [], [], 30)
            data, got = os.read(fd, 4096) if ready else b"", []
            while data:
                _, mask, _, n = struct.unpack_from("iIII", data)
                got.append(words[mask] + " " + data[16:16 + n].rstrip(b"\0").decode())
                data = data[16 + n:]
            return got

        a, b, seen = d + "/a", d + "/b", []
        with open(a, "w") as f:
            seen += heard()
            f.write("seven b")
        seen += heard()
        os.rename(a, b)
        seen += heard()
        size = os.stat(b).st_size
        os.unlink(b)
        seen += heard()
        os.close(fd)
        return [*seen, size]


def many_threads(_event):
    """As many as a large thread pool has, all alive at once. Their stacks are
    small: without a control group, addresses count against the memory limit."""
    done, all = threading.Event(), []
    threading.stack_size(64 << 10)
    try:
        for _ in range(600):
            t = threading.Thread(target=done.wait)
            t.start()
            all.append(t)
    finally:
        threading.stack_size(0)
        done.set()
        for t in all:
            t.join()
    return len(all)


cases = {f.__name__: f for f in (refused_connects, listen_anywhere, reset, options, interrupted_server, write_ahead_log,
                                 named_pipe, descriptors, watched, many_threads)}


def handler(event, _context):
    return cases[event["do"]](event)
