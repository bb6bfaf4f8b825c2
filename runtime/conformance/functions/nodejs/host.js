'use strict';
// What packages expect of the runtime and the system around them.
const assert = require('node:assert');
const crypto = require('node:crypto');
const tls = require('node:tls');

const digest = (name) => {
  try {
    return crypto.createHash(name).update('x').digest('hex');
  } catch (e) {
    return e.code;
  }
};

// Node.js parses the caller's source to say which expression was false.
const explained = () => {
  try {
    assert(1 + 1 === 3);
  } catch (e) {
    return e.message;
  }
};

exports.handler = async () => ({
  named: Object.keys(await import('./named.cjs')).sort(),
  explained: explained(),
  repl: typeof require('node:repl').start,
  request: new Request('http://localhost/x').url,
  berlin: new Date(Date.UTC(2026, 6, 1)).toLocaleString('de', { timeZone: 'Europe/Berlin', timeZoneName: 'long' }),
  zones: Intl.supportedValuesOf('timeZone').length,
  order: ['z', 'ä', 'a'].sort(new Intl.Collator('sv').compare),
  authorities: tls.rootCertificates.length,
  context: typeof tls.createSecureContext().context,
  fips: crypto.getFips(),
  ciphers: crypto.getCiphers().length,
  digests: Object.fromEntries(['sha256', 'sha3-512', 'md5', 'ripemd160', 'md4'].map((name) => [name, digest(name)])),
});
