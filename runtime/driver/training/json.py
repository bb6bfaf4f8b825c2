# Writes sensor readings as JSON, parses the text and keeps the largest of each place.
import json


def handler(event, context):
    readings = [{"place": "p%d" % (i % 7), "at": i * 60, "celsius": i * 37 % 41 - 5, "tags": ["raw", None]}
                for i in range(24)]
    largest = {}
    for r in json.loads(json.dumps({"readings": readings}))["readings"]:
        if r["place"] not in largest or largest[r["place"]]["celsius"] < r["celsius"]:
            largest[r["place"]] = {**r, "tags": [t for t in r["tags"] if t]}
    return {"event": event, "largest": [[place, r["celsius"], r["at"]] for place, r in largest.items()]}
