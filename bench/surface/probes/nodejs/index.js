// What a function sees of its surroundings, and what it can use up.
'use strict';

const fs = require('fs');
const os = require('os');

const attempt = (f, otherwise) => { try { return f(); } catch { return otherwise; } };

const probes = {
  look() {
    return {
      root: attempt(() => fs.readdirSync('/').length, 0),
      secret: attempt(() => fs.readFileSync('/etc/shadow').length > 0, false),
      processes: attempt(() => fs.readdirSync('/proc').filter((n) => /^\d+$/.test(n)).length, 0),
      interfaces: attempt(() => fs.readFileSync('/proc/net/dev', 'utf8').split('\n')
        .filter((l) => l.includes(':')).map((l) => l.split(':')[0].trim()), []),
      kernel: `${os.release()} ${os.version()}`,
      uid: process.getuid(),
    };
  },

  // spin keeps the processor for so many ms.
  spin({ ms }) {
    const start = Date.now();
    while (Date.now() - start < ms);
  },

  memory({ bytes }) {
    const kept = [];
    for (let at = 0; at < bytes; at += 1 << 20) kept.push(Buffer.alloc(1 << 20, 1));
    return kept.length;
  },

  // processes starts children that wait, and reports how many came up.
  async processes({ count }) {
    const { spawn } = require('child_process');
    const all = [];
    const one = () => new Promise((done) => {
      const source = 'process.stdout.write("x"); setTimeout(() => {}, 60000)';
      const options = { stdio: ['ignore', 'pipe', 'ignore'] };
      const child = attempt(() => spawn(process.execPath, ['-e', source], options), null);
      if (!child || !child.stdout) return done(0);
      all.push(child);
      child.on('error', () => done(0));
      child.on('exit', () => done(0));
      child.stdout.once('data', () => done(1));
      setTimeout(() => done(0), 5000); // one that may have no threads can hang
    });
    let started = 0;
    while (started < count && await one()) started++;
    for (const c of all) c.kill('SIGKILL');
    return started;
  },
};

exports.handler = async (event) => probes[event.probe](event);
