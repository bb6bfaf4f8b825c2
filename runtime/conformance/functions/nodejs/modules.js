// What a module knows of itself is what require tells one.
const self = require('./modules');
const loaded = module.loaded;

exports.handler = async () => {
  const again = require('./modules');
  const imported = await import('./modules.js');
  return {
    file: require('path').relative(__dirname, __filename),
    id: module.id === __filename && module.filename === __filename,
    cached: require.cache[__filename] === module && again === exports && self === exports,
    esm: imported.default === module.exports,
    loaded: [loaded, module.loaded],
    paths: module.paths[0] === require('path').join(__dirname, 'node_modules'),
    cwd: process.cwd() === __dirname,
    parent: typeof module.parent.filename,
  };
};
