import os


def handler(event, context):
    return os.path.basename(os.path.dirname(__file__))
