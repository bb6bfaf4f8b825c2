# Takes an access log apart with a regular expression and counts the replies by status.
import re


def handler(event, context):
    log = "".join("10.0.0.%d GET /item/%x %d\n" % (i % 9, i, 200 if i % 5 else 404) for i in range(40))
    status = {}
    for line in re.finditer(r"^\S+ [A-Z]+ /\S* (\d{3})$", log, re.MULTILINE):
        status[line[1]] = status.get(line[1], 0) + 1
    return ", ".join(f"{code:>5}: {n}" for code, n in status.items()).upper()
