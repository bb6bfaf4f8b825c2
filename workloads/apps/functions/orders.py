# Groups orders by customer, sums them and sorts by total.
import json


def handler(event, context):
    groups = {}
    for _ in range(event["copies"]):
        for o in json.loads(json.dumps(event["orders"])):
            g = groups.setdefault(o["customer"], {"customer": o["customer"], "orders": 0, "cents": 0})
            g["orders"] += 1
            g["cents"] += o["quantity"] * o["cents"]
    return sorted(groups.values(), key=lambda g: (-g["cents"], g["customer"]))
