'use strict';
const fs = require('node:fs');

// Node.js refuses a library that is no add-on of its own, but only once ld.so has loaded it.
const loads = (name) => {
  try {
    process.dlopen({ exports: {} }, name);
  } catch (e) {
    return !/cannot open shared object/.test(e.message);
  }
  return true;
};

// Whether libraries of the package's root and its lib directory load by name, and whether there is such a directory.
exports.handler = async () => [loads('liblambdabenchroot.so'), loads('liblambdabench.so'), fs.existsSync('lib')];
