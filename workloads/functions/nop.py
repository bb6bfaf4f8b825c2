# Function @N@: does nothing, and says which it is.
def handler(event, context):
    return @N@
