exports.handler = async () => { return
