# Keeps a key-value log in a file of /tmp: append, read back, compact.
import os
import shutil
import tempfile


def handler(event, context):
    directory = tempfile.mkdtemp(prefix="log-", dir="/tmp")
    path = os.path.join(directory, "log")
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for i in range(event["writes"]):
            os.write(fd, f"key{i % event['keys']} {i}\n".encode())
        os.fsync(fd)
        os.close(fd)
        last = {}
        with open(path) as f:
            for line in f:
                key, value = line.split()
                last[key] = int(value)
        with open(path + ".new", "w") as f:
            f.writelines(f"{k} {v}\n" for k, v in last.items())
        os.rename(path + ".new", path)
        return {"keys": len(last), "sum": sum(last.values()), "bytes": os.stat(path).st_size}
    finally:
        shutil.rmtree(directory)
