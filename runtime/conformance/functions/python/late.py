"""What is set in the environment of a runtime that runs already."""
import os
import time


def handler(_event, _context):
    module = None
    if "PYTHONPATH" in os.environ:
        import found_by_path
        module = found_by_path.NAME
    return {"zone": time.timezone // 60, "module": module}
