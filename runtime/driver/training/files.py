# Writes two small files into a directory of its own, lists it and removes it.
import os
import tempfile


def handler(event, context):
    with tempfile.TemporaryDirectory(prefix="notes-") as root:
        for name in ("first", "second"):
            with open(os.path.join(root, name), "w") as f:
                f.write((name + "\n") * 50)
        sizes = []
        for name in sorted(os.listdir(root)):
            with open(os.path.join(root, name)) as f:
                sizes.append(len(f.read()))
        return sizes
