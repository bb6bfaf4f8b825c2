"""The hooks around a snapshot, and a value that each clone draws anew."""
import uuid

import snapshot_restore_py

seen = []
value = "drawn at import"


@snapshot_restore_py.register_before_snapshot
def before():
    seen.append("before")


def after(name):
    global value
    seen.append(name)
    value = str(uuid.uuid4())


snapshot_restore_py.register_after_restore(after, "after")


def handler(_event, _context):
    return {"seen": seen, "value": value}
