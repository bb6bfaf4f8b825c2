"""Its name is that of a module of the standard library."""


def handler(event, context):
    return "own json"
