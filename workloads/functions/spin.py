# Function @N@: computes for event["ms"] of processor time, so that it takes
# longer on the clock when it must share the processor.
import time


def handler(event, context):
    end = time.process_time() + event["ms"] / 1000
    x = 0
    while time.process_time() < end:
        for i in range(2000):
            x = (x * 31 + i) & 0xFFFFFFFF
    return @N@
