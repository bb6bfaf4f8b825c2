def handler(event, context):
    return "module"
