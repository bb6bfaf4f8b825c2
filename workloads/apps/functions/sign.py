# Derives a key from a password and signs messages with it.
import hashlib
import hmac


def handler(event, context):
    key = hashlib.pbkdf2_hmac("sha256", event["password"].encode(), event["salt"].encode(), event["rounds"], 32)
    mac = event["message"].encode()
    for _ in range(event["messages"]):
        mac = hmac.new(key, mac, "sha256").digest()
    return {"key": key.hex(), "mac": mac.hex()}
