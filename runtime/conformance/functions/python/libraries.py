import ctypes
import os


def loads(name):
    try:
        return bool(ctypes.CDLL(name))
    except OSError:
        return False


def handler(event, context):
    """Whether libraries of the package's root and its lib directory load by name, and whether the latter exists."""
    return [loads("liblambdabenchroot.so"), loads("liblambdabench.so"), os.path.isdir("lib")]
