# Allocates a block of bytes, fills it with a wave and adds neighbours up.
def handler(event, context):
    wave = bytearray(64 << 10)
    wave[:] = bytes(i * i & 255 for i in range(256)) * 256
    return [sum(wave[i << 8:(i + 1) << 8]) for i in range(16)]
