// Answers with the event and the request's id.
exports.handler = async (event, context) => ({ event, id: context.awsRequestId });
