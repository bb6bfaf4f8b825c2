"""Turns OpenWhisk's main(args) into a handler. An exception is the application's error."""
import glob
import importlib.util
import os
import sys
import traceback

ROOT = os.path.dirname(os.path.abspath(__file__))


class NoDictionary(Exception):
    pass


class Initialization(Exception):
    pass


def load():
    for packages in glob.glob(os.path.join(ROOT, "virtualenv", "lib", "python*", "site-packages")):
        sys.path.insert(0, packages)
    file = os.path.join(ROOT, "__main__.py")
    if not os.path.exists(file):
        raise Initialization("Zip file does not include __main__.py")
    spec = importlib.util.spec_from_file_location("main__", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules["main__"] = module
    spec.loader.exec_module(module)
    name = os.environ["LAMBDABENCH_OW_MAIN"]
    main = getattr(module, name, None)
    if not callable(main):
        raise Initialization("The action has no function '%s'" % name)
    return main


MAIN = load()


def handler(event, context):
    os.environ.update(event["env"])
    try:
        result = MAIN(event["value"])
    except Exception as exc:
        traceback.print_exc()
        return {"error": str(exc)}
    if result is None:
        result = {}
    if not isinstance(result, (dict, list)):
        raise NoDictionary("The action did not return a dictionary or array.")
    return result
