'use strict';
// Function @N@: waits for the answer of an HTTP server, event.url.
const http = require('http');

exports.handler = (event) => new Promise((resolve, reject) => {
  http.get(event.url, { agent: false }, (reply) => {
    reply.resume();
    reply.on('end', () => (reply.statusCode === 200 ? resolve(@N@) : reject(new Error(`status ${reply.statusCode}`))));
    reply.on('error', reject);
  }).on('error', reject);
});
