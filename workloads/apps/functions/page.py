# Renders text with Markdown's headings, lists and emphasis into a page.
import re

ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def inline(s):
    s = re.sub(r"[&<>]", lambda m: ESCAPES[m.group()], s)
    s = re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", s)
    s = re.sub(r"\*([^*]+)\*", r"<i>\1</i>", s)
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", s)


def render(text):
    out = []
    in_list = False
    for line in text.split("\n"):
        item = line.startswith("- ")
        if item != in_list:
            in_list = item
            out.append("<ul>" if item else "</ul>")
        heading = re.match(r"^(#{1,3}) (.*)$", line)
        if item:
            out.append(f"<li>{inline(line[2:])}</li>")
        elif heading:
            n = len(heading.group(1))
            out.append(f"<h{n}>{inline(heading.group(2))}</h{n}>")
        elif line:
            out.append(f"<p>{inline(line)}</p>")
    if in_list:
        out.append("</ul>")
    return "\n".join(out)


def handler(event, context):
    body = ""
    for _ in range(event["copies"]):
        body = render(event["text"])
    return event["template"].replace("{{title}}", inline(event["title"]), 1).replace("{{body}}", body, 1)
