// The events around a snapshot, and a value that each clone draws anew.
'use strict';
const seen = [];
let value = 'drawn at import';
process.on('beforeSnapshot', () => seen.push('before'));
process.on('afterRestore', () => { seen.push('after'); value = require('crypto').randomUUID(); });
exports.handler = async () => ({ seen, value });
