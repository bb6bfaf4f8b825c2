# Function @N@: computes for event["turns"] turns of a loop, however long that takes.


def handler(event, context):
    x = 0
    for i in range(event.get("turns", 0)):
        x = (x * 31 + i) & 0xFFFFFFFF
    return @N@
