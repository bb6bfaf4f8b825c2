// The invocation driver for Node.js. It speaks the framed protocol of
// frame.go on descriptor 3 and runs AWS Lambda handlers. Between requests it
// blocks in a read, so that an idle sandbox runs nothing.
'use strict';

const fs = require('fs');
const path = require('path');
const util = require('util');
const { Writable } = require('stream');

const CHANNEL = 3;
const PROTOCOL = 1;
const HEADER = 12;
const MAX_IMPORT = 300 << 20;
const MAX_FRAME = (6 << 20) + (64 << 10);
const MAX_REPLY = 6 << 20;

const IMPORT = 1, INVOKE = 2, PREPARE = 3;
const HELLO = 65, IMPORTED = 66, RESULT = 67, LOG = 68, PREPARED = 69;
const FLAG_ERROR = 1, FLAG_CLONED = 2;

const exit = process.reallyExit.bind(process);
const header = Buffer.alloc(HEADER);
const scratch = Buffer.alloc(64 << 10);

let handler = null;   // the imported function
let fn = {};          // what Import said of it
let current = null;   // the invocation that runs

// --- the channel -----------------------------------------------------------

function readFull(buf, n) {
  for (let at = 0; at < n;) {
    const got = fs.readSync(CHANNEL, buf, at, n - at, null);
    if (got === 0) exit(0);
    at += got;
  }
  return buf;
}

function readFrame() {
  readFull(header, HEADER);
  const length = header.readUInt32LE(0);
  const type = header[4];
  if (length > (type === IMPORT ? MAX_IMPORT : MAX_FRAME)) {
    fs.writeSync(2, `driver: frame of ${length} bytes refused\n`);
    exit(70);
  }
  const body = length <= scratch.length ? scratch.subarray(0, length) : Buffer.allocUnsafeSlow(length);
  return { type, flags: header[5], seq: header.readUInt32LE(8), body: readFull(body, length) };
}

function writeFrame(type, flags, seq, text) {
  const length = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(HEADER + length);
  frame.writeUInt32LE(length, 0);
  frame[4] = type;
  frame[5] = flags;
  frame[6] = frame[7] = 0;
  frame.writeUInt32LE(seq, 8);
  frame.write(text, HEADER, 'utf8');
  for (let at = 0; at < frame.length;) at += fs.writeSync(CHANNEL, frame, at);
}

// --- errors, in AWS Lambda's shape ------------------------------------------

function describe(err, type) {
  if (err instanceof Error || (err && typeof err.message === 'string')) {
    const trace = typeof err.stack === 'string' ? err.stack.split('\n') : [];
    return { errorType: type || err.name || 'Error', errorMessage: String(err.message), trace };
  }
  return { errorType: type || typeof err, errorMessage: typeof err === 'string' ? err : util.inspect(err), trace: [] };
}

function typed(type, message) {
  return Object.assign(new Error(message), { name: type });
}

// --- what the function prints -----------------------------------------------

function log(text) {
  const limit = MAX_FRAME >> 2;
  writeFrame(LOG, 0, current ? current.seq : 0, text.length > limit ? text.slice(0, limit) : text);
}

function captureOutput() {
  const line = (level) => (...args) => {
    const id = current ? current.id : '-';
    log(`${new Date().toISOString()}\t${id}\t${level}\t${util.format(...args)}\n`);
  };
  Object.assign(console, {
    log: line('INFO'), info: line('INFO'), debug: line('DEBUG'), trace: line('TRACE'),
    warn: line('WARN'), error: line('ERROR'),
  });
  const stream = () => new Writable({ decodeStrings: false, write(chunk, _enc, done) { log(String(chunk)); done(); } });
  for (const name of ['stdout', 'stderr']) {
    let made;
    Object.defineProperty(process, name, { configurable: true, enumerable: true, get: () => (made ||= stream()) });
  }
}

// --- import -----------------------------------------------------------------

function writeFiles(root, files, data) {
  let at = 0;
  for (const f of files) {
    const to = path.join(root, f.path);
    if (to !== path.normalize(to) || !to.startsWith(root + path.sep)) throw typed('Runtime.ImportModuleError', `path outside the package: ${f.path}`);
    fs.mkdirSync(path.dirname(to), { recursive: true });
    fs.writeFileSync(to, data.subarray(at, at + f.size), { mode: f.mode });
    at += f.size;
  }
}

function locate(root, name) {
  for (const ext of ['', '.js', '.mjs', '.cjs']) {
    const file = path.resolve(root, name + ext);
    if (fs.statSync(file, { throwIfNoEntry: false })?.isFile()) return file;
  }
  throw typed('Runtime.ImportModuleError', `Error: Cannot find module '${name}' in the package`);
}

async function load(root, handlerName) {
  const m = /^(.*\/)?([^./][^/]*?)\.([^/]+)$/.exec(handlerName);
  if (!m || handlerName.includes('..')) throw typed('Runtime.MalformedHandlerName', `Bad handler '${handlerName}'`);
  const file = locate(root, (m[1] || '') + m[2]);
  let exported;
  try {
    exported = file.endsWith('.mjs') ? await import(file) : require(file);
  } catch (err) {
    if (err && err.code === 'ERR_REQUIRE_ESM') exported = await import(file);
    else throw Object.assign(describe(err, err instanceof SyntaxError ? 'Runtime.UserCodeSyntaxError' : err && err.code === 'MODULE_NOT_FOUND' ? 'Runtime.ImportModuleError' : undefined), { described: true });
  }
  const found = m[3].split('.').reduce((o, k) => (o == null ? o : o[k]), exported);
  if (typeof found !== 'function') throw typed('Runtime.HandlerNotFound', `${handlerName} is undefined or not exported`);
  return found;
}

function onImport(frame) {
  const n = frame.body.readUInt32LE(0);
  fn = JSON.parse(frame.body.toString('utf8', 4, 4 + n));
  Object.assign(process.env, fn.env, {
    AWS_LAMBDA_FUNCTION_NAME: fn.name, AWS_LAMBDA_FUNCTION_VERSION: fn.version,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(fn.memory), LAMBDA_TASK_ROOT: fn.root, _HANDLER: fn.handler,
  });
  const start = async () => {
    if (fn.files) writeFiles(fn.root, fn.files, frame.body.subarray(4 + n));
    process.chdir(fn.root);
    handler = await load(fn.root, fn.handler);
  };
  start().then(
    () => writeFrame(IMPORTED, 0, frame.seq, ''),
    (err) => writeFrame(IMPORTED, FLAG_ERROR, frame.seq, JSON.stringify(err.described ? err : describe(err))),
  ).then(next);
}

// --- invoke -----------------------------------------------------------------

class Context {
  constructor(meta) {
    this.callbackWaitsForEmptyEventLoop = true;
    this.functionName = fn.name;
    this.functionVersion = fn.version;
    this.invokedFunctionArn = fn.arn;
    this.memoryLimitInMB = String(fn.memory);
    this.awsRequestId = meta.id;
    this.logGroupName = '/aws/lambda/' + fn.name;
    this.logStreamName = meta.id;
    this.clientContext = meta.client;
    Object.defineProperty(this, 'getRemainingTimeInMillis', { value: () => Math.max(0, meta.deadline - Date.now()) });
  }
}

function finish(call, err, value) {
  if (current !== call) return;
  let text, flags = 0;
  if (err === null) {
    try {
      text = JSON.stringify(value === undefined ? null : value) ?? 'null';
    } catch (e) {
      err = typed('Runtime.MarshalError', `Unable to stringify response body: ${e.message}`);
    }
    if (err === null && Buffer.byteLength(text) > MAX_REPLY) {
      err = typed('Function.ResponseSizeTooLarge', `Response payload size exceeded maximum allowed payload size (${MAX_REPLY} bytes).`);
    }
  }
  if (err !== null) {
    text = JSON.stringify(describe(err));
    flags = FLAG_ERROR;
  }
  current = null;
  writeFrame(RESULT, flags, call.seq, text);
  next();
}

function onInvoke(frame) {
  const n = frame.body.readUInt32LE(0);
  const meta = JSON.parse(frame.body.toString('utf8', 4, 4 + n));
  const call = current = { seq: frame.seq, id: meta.id, pending: undefined, done: false };
  const context = new Context(meta);
  const callback = (err, value) => {
    if (call.done) return;
    call.done = true;
    call.pending = () => finish(call, err === undefined || err === null ? null : err, value);
    if (err || !context.callbackWaitsForEmptyEventLoop) call.pending();
  };
  try {
    const result = handler(JSON.parse(frame.body.toString('utf8', 4 + n) || 'null'), context, callback);
    if (result && typeof result.then === 'function') {
      result.then((v) => finish(call, null, v), (e) => finish(call, e === null || e === undefined ? new Error(String(e)) : e));
    }
  } catch (err) {
    finish(call, err === null || err === undefined ? new Error(String(err)) : err);
  }
}

// The event loop ran empty: a callback handler is done, and a promise that is
// still open will never settle. AWS Lambda answers null to both.
process.on('beforeExit', () => {
  if (!current) return;
  if (current.pending) current.pending();
  else finish(current, null, null);
});

process.on('uncaughtException', (err) => {
  if (!current) { fs.writeSync(2, `${err && err.stack}\n`); exit(1); }
  finish(current, err === null || err === undefined ? new Error(String(err)) : err);
});

// --- anticipatory optimisation ----------------------------------------------

const steps = {
  async interpreter() {
    const Module = require('module');
    const m = new Module('/dummy.js');
    m._compile('exports.handler = async (event, context) => ({ event, id: context.awsRequestId });', '/dummy.js');
    const reply = await m.exports.handler(JSON.parse('{"dummy":[1,"two",{}]}'), new Context({ id: '0', deadline: Date.now() }));
    JSON.stringify(reply);
    describe(new Error('dummy'));
    util.format('%s %o', 'dummy', reply);
  },
  network() {
    const http = require('http');
    return new Promise((resolve, reject) => {
      const server = http.createServer((_req, res) => res.end('{}'));
      server.listen(0, '127.0.0.1', () => {
        http.get({ port: server.address().port, host: '127.0.0.1', agent: false }, (res) => {
          res.resume();
          res.on('end', () => server.close(resolve));
        }).on('error', reject);
      });
    });
  },
  gc() {
    const v8 = require('v8');
    v8.setFlagsFromString('--expose-gc');
    require('vm').runInNewContext('gc')();
  },
};

function onPrepare(frame) {
  const run = async () => {
    for (const name of JSON.parse(frame.body.toString()).steps || []) {
      if (!steps[name]) throw new Error(`unknown step '${name}'`);
      await steps[name]();
    }
  };
  run().then(
    () => writeFrame(PREPARED, 0, frame.seq, ''),
    (err) => writeFrame(PREPARED, FLAG_ERROR, frame.seq, JSON.stringify(describe(err))),
  ).then(next);
}

// --- serve ------------------------------------------------------------------

const handlers = { [IMPORT]: onImport, [INVOKE]: onInvoke, [PREPARE]: onPrepare };

// reseed gives a clone random state of its own.
function reseed() {
  const crypto = require('crypto');
  const pool = new Uint32Array(crypto.randomBytes(16).buffer.slice(0, 16));
  let [a, b, c, d] = pool;
  Math.random = () => { // xoshiro128, 53 bits from two draws
    const draw = () => {
      const r = (b * 5) | 0, t = b << 9;
      c ^= a; d ^= b; b ^= c; a ^= d; c ^= t; d = (d << 11) | (d >>> 21);
      return Math.imul((r << 7) | (r >>> 25), 9) >>> 0;
    };
    return (draw() * 0x200000 + (draw() >>> 11)) / 9007199254740992;
  };
}

function serve() {
  const frame = readFrame();
  if (frame.flags & FLAG_CLONED) reseed();
  const handle = handlers[frame.type];
  if (!handle) {
    fs.writeSync(2, `driver: unknown frame type ${frame.type}\n`);
    exit(70);
  }
  handle(frame);
}

// One turn of the event loop between two requests lets what the function left
// behind (ticks, rejections) come to an end before the sandbox sleeps.
function next() {
  setImmediate(serve);
}

captureOutput();
writeFrame(HELLO, 0, 0, JSON.stringify({ protocol: PROTOCOL, language: 'nodejs', version: process.versions.node, pid: process.pid }));
next();
