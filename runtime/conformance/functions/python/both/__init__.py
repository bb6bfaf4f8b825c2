def handler(event, context):
    return "package"
