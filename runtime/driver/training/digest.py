# Digests numbered blocks and chains the digests.
import base64
import hashlib


def handler(event, context):
    chain = ""
    for i in range(8):
        chain = base64.b64encode(hashlib.sha1(f"{chain}{i}".encode()).digest()).decode()
    return chain
