// Its name is that of a module of the runtime.
exports.handler = async () => 'own path';
