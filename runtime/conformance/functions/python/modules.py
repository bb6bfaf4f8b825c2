"""What a module knows of itself is what an import tells one."""
import os
import sys

import modules as self


def handler(event, context):
    import pickle
    here = os.path.dirname(os.path.abspath(__file__))
    spec = __spec__
    return {
        "name": __name__,
        "file": os.path.relpath(__file__, here),
        "cached": sys.modules[__name__] is self and self.handler is handler,
        "spec": [spec.name, spec.origin == __file__, spec.has_location, spec.loader is __loader__],
        "pickled": pickle.loads(pickle.dumps(handler)) is handler,
        "cwd": os.getcwd() == here,
        "first": sys.path[0] == here,
    }
