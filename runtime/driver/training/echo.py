# Answers with the event and the request's id.
def handler(event, context):
    return {"event": event, "id": context.aws_request_id}
