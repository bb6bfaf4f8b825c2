'use strict';
// Derives a key from a password and signs messages with it.
const crypto = require('crypto');

exports.handler = async (event) => {
  const key = crypto.pbkdf2Sync(event.password, event.salt, event.rounds, 32, 'sha256');
  let mac = Buffer.from(event.message);
  for (let i = 0; i < event.messages; i++) mac = crypto.createHmac('sha256', key).update(mac).digest();
  return { key: key.toString('hex'), mac: mac.toString('hex') };
};
