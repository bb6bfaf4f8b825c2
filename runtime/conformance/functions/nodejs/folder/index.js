exports.handler = async () => 'index of folder';
