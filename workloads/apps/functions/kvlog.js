'use strict';
// Keeps a key-value log in a file of /tmp: append, read back, compact.
const fs = require('fs');
const path = require('path');

exports.handler = async (event) => {
  const dir = fs.mkdtempSync('/tmp/log-');
  const file = path.join(dir, 'log');
  try {
    const fd = fs.openSync(file, 'a');
    for (let i = 0; i < event.writes; i++) fs.writeSync(fd, `key${i % event.keys} ${i}\n`);
    fs.fsyncSync(fd);
    fs.closeSync(fd);
    const last = new Map();
    for (const line of fs.readFileSync(file, 'utf8').split('\n')) {
      const [key, value] = line.split(' ');
      if (key) last.set(key, Number(value));
    }
    fs.writeFileSync(file + '.new', [...last].map(([k, v]) => `${k} ${v}\n`).join(''));
    fs.renameSync(file + '.new', file);
    let sum = 0;
    for (const v of last.values()) sum += v;
    return { keys: last.size, sum, bytes: fs.statSync(file).size };
  } finally {
    fs.rmSync(dir, { recursive: true });
  }
};
