exports.handler = async () => 'index of lib';
