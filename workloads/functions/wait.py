# Function @N@: waits for the answer of an HTTP server, event["url"].
import urllib.request


def handler(event, context):
    with urllib.request.urlopen(event["url"]) as reply:
        reply.read()
    return @N@
