# Function @N@: allocates and touches event["mb"] megabytes, and keeps them.
held = []


def handler(event, context):
    held.clear()
    held.append(bytearray(b"\1") * (event["mb"] << 20))
    return @N@
