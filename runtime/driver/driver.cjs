// The invocation driver for Node.js. It speaks the framed protocol of
// frame.go on descriptor 3 and runs AWS Lambda handlers. Between requests it
// blocks in a read, so that an idle sandbox runs nothing.
'use strict';

const fs = require('fs');
const Module = require('module');
const path = require('path');
const util = require('util');
const { Writable } = require('stream');

const CHANNEL = 3;
const TASK_ROOT = '/var/task';
const PROTOCOL = 2;
const HEADER = 12;
const CLONE = 20; // u32 process id, 16 bytes of random state
const MAX_IMPORT = 300 << 20;
const MAX_FRAME = (6 << 20) + (64 << 10);
const MAX_REPLY = 6 << 20;

const IMPORT = 1, INVOKE = 2, PREPARE = 3;
const HELLO = 65, IMPORTED = 66, RESULT = 67, PREPARED = 68;
const LOG_VARIABLE = '_LAMBDABENCH_LOG_FD'; // see logpipe.go
const FLAG_ERROR = 1, FLAG_CLONED = 2, FLAG_FINAL = 4;

const exit = process.reallyExit.bind(process);
const chunk = Buffer.alloc(16 << 10); // what was read: most requests come whole with one read
let from = 0, to = 0;                 // what of it is not yet used

let handler = null;   // the imported function
let fn = {};          // what Import said of it
let current = null;   // the invocation that runs
let restored = true;  // a function's listeners for afterRestore have been called
let requestId;        // of the invocation that runs or ran last
let input = CHANNEL, output = CHANNEL; // other files during training runs
let trained = null; // called after each request of the training runs
let failure = null; // the first of the training runs: a function's name and its error

// --- the channel -----------------------------------------------------------

function die(why) {
  fs.writeSync(2, `driver: ${why}\n`);
  exit(70);
}

function readSome(buf, at, n) {
  const got = fs.readSync(input, buf, at, n, null);
  if (got === 0) exit(0); // the platform is gone
  return got;
}

// need sees to it that the chunk holds n unused bytes.
function need(n) {
  if (to - from >= n) return;
  if (from > 0) chunk.copyWithin(0, from, to);
  to -= from;
  from = 0;
  while (to < n) to += readSome(chunk, to, chunk.length - to);
}

// readFrame reads a request. Its body is valid until the next readFrame.
function readFrame() {
  need(HEADER);
  const length = chunk.readUInt32LE(from), seq = chunk.readUInt32LE(from + 8);
  const type = chunk[from + 4], flags = chunk[from + 5];
  if (length > (type === IMPORT ? MAX_IMPORT : MAX_FRAME)) die(`frame of ${length} bytes refused`);
  from += HEADER;
  let body;
  if (length <= chunk.length) {
    need(length);
    body = chunk.subarray(from, from += length);
  } else {
    body = Buffer.allocUnsafeSlow(length);
    let at = chunk.copy(body, 0, from, to);
    from = to = 0;
    while (at < length) at += readSome(body, at, length - at);
  }
  return { type, flags, seq, body };
}

// splitBody takes a request's JSON from what follows it.
function splitBody(body) {
  const n = body.length < 4 ? -1 : body.readUInt32LE(0);
  if (n < 0 || 4 + n > body.length) die('request without its JSON');
  return [JSON.parse(body.toString('utf8', 4, 4 + n)), 4 + n];
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
  for (let at = 0; at < frame.length;) at += fs.writeSync(output, frame, at);
}

// writeError replies with an error. Nobody reads the replies of training runs, whose first
// error is kept.
function writeError(type, flags, seq, what) {
  if (trained) failure ??= { name: fn.name, what };
  writeFrame(type, FLAG_ERROR | flags, seq, JSON.stringify(what));
}

// --- errors, in AWS Lambda's shape ------------------------------------------

// ownPath is a text with the package where a function expects it, wherever a
// backend has it.
const ownPath = (text) => (!fn.root || fn.root === TASK_ROOT ? text : text.replaceAll(fn.root + '/', TASK_ROOT + '/'));

function describe(err, type) {
  if (err instanceof Error || (err && typeof err.message === 'string')) {
    const trace = typeof err.stack === 'string' ? ownPath(err.stack).split('\n') : [];
    return { errorType: type || err.name || 'Error', errorMessage: ownPath(String(err.message)), trace };
  }
  return { errorType: type || typeof err, errorMessage: typeof err === 'string' ? err : util.inspect(err), trace: [] };
}

function typed(type, message, trace) {
  const err = Object.defineProperty(new Error(message), 'name', { value: type });
  if (trace) err.stack = trace.join('\n');
  return err;
}

// formatted is an error in a log line, with all its properties.
function formatted(err) {
  const whole = (_key, v) => {
    if (!(v instanceof Error)) return v;
    const stack = typeof v.stack === 'string' ? ownPath(v.stack).split('\n') : undefined;
    return { errorType: v.name, errorMessage: v.message, code: v.code, ...v, stack };
  };
  try {
    return '\t' + JSON.stringify(err, whole);
  } catch {
    return '\t' + JSON.stringify(describe(err));
  }
}

// --- what the function prints -----------------------------------------------

// print writes to a descriptor that is the log. A child of the function's may
// have made it one that does not wait.
function print(fd, data) {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  for (let at = 0; at < bytes.length;) {
    try {
      at += fs.writeSync(fd, bytes, at);
    } catch (err) {
      if (err.code !== 'EAGAIN') throw err;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

// A message stays one line of the log: its own ends of lines are carriage
// returns, as AWS Lambda's client has them.
const line = (level) => (...args) => {
  print(1, `${new Date().toISOString()}\t${requestId}\t${level}\t${util.format(...args)}`.replace(/\n/g, '\r') + '\n');
};

const logError = (message, err) =>
  line('ERROR')(message, formatted(err instanceof Error ? err : new Error(String(err))));

function captureOutput() {
  Object.assign(console, {
    log: line('INFO'), info: line('INFO'), debug: line('DEBUG'), trace: line('TRACE'),
    warn: line('WARN'), error: line('ERROR'), fatal: line('FATAL'),
  });
  // Node's own streams would load its sockets.
  const stream = (fd) => Object.assign(new Writable({
    decodeStrings: false,
    write(chunk, encoding, done) {
      print(fd, typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk);
      done();
    },
  }), { fd, _type: 'pipe' });
  for (const [name, fd] of [['stdout', 1], ['stderr', 2]]) {
    let made;
    Object.defineProperty(process, name, { configurable: true, enumerable: true, get: () => (made ||= stream(fd)) });
  }
}

// adoptLog makes the log that came on another descriptor descriptors 1 and 2: a
// file is opened as the lowest descriptor that is free.
function adoptLog() {
  const fd = process.env[LOG_VARIABLE];
  if (fd === undefined) return;
  delete process.env[LOG_VARIABLE];
  for (const standard of [1, 2]) {
    fs.closeSync(standard);
    const got = fs.openSync(`/proc/self/fd/${fd}`, fs.constants.O_WRONLY);
    if (got !== standard) die(`the log came as descriptor ${got}, not ${standard}`);
  }
  fs.closeSync(Number(fd));
}

// --- import -----------------------------------------------------------------

function writeFiles(root, files, data) {
  try {
    fs.rmdirSync(root + '/lib'); // was there for ld.so to remember; the package may have none
  } catch {}
  let at = 0;
  for (const f of files) {
    const to = path.join(root, f.path);
    if (to !== path.normalize(to) || !to.startsWith(root + path.sep)) {
      throw typed('Runtime.ImportModuleError', `path outside the package: ${f.path}`);
    }
    fs.mkdirSync(path.dirname(to), { recursive: true });
    const content = data.subarray(at, at + f.size);
    if (f.link) fs.symlinkSync(content.toString(), to);
    else fs.writeFileSync(to, content, { mode: f.mode });
    at += f.size;
  }
}

const quietly = { throwIfNoEntry: false };

// declared: a package.json there or above may say what .js files are.
function declared(dir) {
  for (; ; dir = dir.slice(0, dir.lastIndexOf('/'))) {
    if (fs.statSync(`${dir}/package.json`, quietly)) return true;
    if (!dir) return false;
  }
}

// locate finds the handler's module, and says whether it is plain: CommonJS for
// sure, in a file that no symbolic link leads to (the platform says where root
// really is).
function locate(root, name) {
  const stem = path.resolve(root, name);
  let directory = false;
  for (const ext of ['', '.js', '.mjs', '.cjs']) {
    const file = stem + ext, link = fs.lstatSync(file, quietly);
    const stat = link?.isSymbolicLink() ? fs.statSync(file, quietly) : link;
    if (stat?.isFile()) {
      return { file, plain: ext === '.js' && stat === link && !name.includes('/') && !declared(root) };
    }
    if (ext === '') directory = stat?.isDirectory();
    else if (directory) return { file: stem, plain: false }; // require finds its index, or what its package.json names
  }
  return { file: resolve(root, name), plain: false };
}

// resolve finds a module as require does from the package: in node_modules.
function resolve(root, name) {
  try {
    return require.resolve(path.basename(name), { paths: [root, path.resolve(root, path.dirname(name))] });
  } catch {
    throw typed('Runtime.ImportModuleError', `Error: Cannot find module '${name}' in the package`);
  }
}

// compile is require for a plain module, without the search: a sandbox that runs
// its first code pays for every function of Node's that it calls.
function compile(root, file) {
  const m = new Module(file, module);
  m.filename = file;
  m.paths = Module._nodeModulePaths(root);
  require.cache[file] = m;
  try {
    m._compile(fs.readFileSync(file, 'utf8'), file);
  } catch (err) {
    delete require.cache[file];
    throw err;
  }
  m.loaded = true;
  return m.exports;
}

const wantsImport = new Set(['ERR_REQUIRE_ESM', 'ERR_REQUIRE_ASYNC_MODULE']);

async function loadModule(root, { file, plain }) {
  const esm = () => import(require('url').pathToFileURL(file).href);
  try {
    if (file.endsWith('.mjs')) return await esm();
    try {
      return plain && !(file in require.cache) ? compile(root, file) : require(file);
    } catch (err) {
      if (wantsImport.has(err?.code)) return await esm();
      throw err;
    }
  } catch (err) {
    const type = err instanceof SyntaxError ? 'Runtime.UserCodeSyntaxError'
      : /MODULE_NOT_FOUND$/.test(err?.code) ? 'Runtime.ImportModuleError' : undefined;
    throw { described: describe(err, type) };
  }
}

async function load(root, name) {
  if (name.includes('..')) {
    throw typed('Runtime.MalformedHandlerName', `'${name}' is not a valid handler name. ` +
      'Use absolute paths when specifying root directories in handler names.');
  }
  const m = /^((?:.*\/)?[^./][^./]*)\.([^/]+)$/.exec(name);
  if (!m) throw typed('Runtime.MalformedHandlerName', `Bad handler '${name}'`);
  const exported = await loadModule(root, locate(root, m[1]));
  const pick = (from) => m[2].split('.').reduce((o, k) => (o == null ? o : o[k]), from);
  const found = pick(exported) ?? pick(exported.default);
  if (found == null) throw typed('Runtime.HandlerNotFound', `${name} is undefined or not exported`);
  if (typeof found !== 'function') throw typed('Runtime.HandlerNotFound', `${name} is not a function`);
  return found;
}

// setEnvironment gives the process the function's variables. The interpreter has
// read its own when it started: what of them can be done late is.
function setEnvironment() {
  Object.assign(process.env, {
    AWS_LAMBDA_FUNCTION_NAME: fn.name, AWS_LAMBDA_FUNCTION_VERSION: fn.version,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(fn.memory), _HANDLER: fn.handler,
    AWS_LAMBDA_LOG_GROUP_NAME: fn.group, AWS_LAMBDA_LOG_STREAM_NAME: fn.stream,
  }, fn.credentials, fn.env);
  if (fn.root !== TASK_ROOT) process.env.LAMBDA_TASK_ROOT = fn.root;
  if (fn.env?.NODE_PATH) Module._initPaths();
}

// lateOptions are the options of NODE_OPTIONS that have an effect after the start;
// the platform refuses others (gateway/options.go has the same list).
const lateOptions = {
  '--enable-source-maps': () => process.setSourceMapsEnabled(true),
  '--no-warnings': () => process.removeAllListeners('warning'),
  '--no-deprecation': () => { process.noDeprecation = true; },
  '--stack-trace-limit': (n) => { Error.stackTraceLimit = Number(n); },
  '--max-old-space-size': (n) => require('v8').setFlagsFromString(`--max-old-space-size=${n}`),
  '--dns-result-order': (order) => require('dns').setDefaultResultOrder(order),
  '--require': (name) => Module.createRequire(`${fn.root}/`)(name),
  '--import': (name) => {
    const file = name.startsWith('.') ? path.resolve(fn.root, name) : Module.createRequire(`${fn.root}/`).resolve(name);
    return import(require('url').pathToFileURL(file).href);
  },
};

async function applyOptions(text) {
  const words = text.split(/\s+/).filter(Boolean);
  while (words.length) {
    const [name, ...rest] = words.shift().replace(/^-r$/, '--require').split('=');
    const takes = lateOptions[name]?.length > 0;
    await lateOptions[name]?.(rest.length || !takes ? rest.join('=') : words.shift());
  }
}

function onImport(frame) {
  const [request, at] = splitBody(frame.body);
  fn = request;
  restored = false;
  setEnvironment();
  const start = async () => {
    if (fn.files) writeFiles(fn.root, fn.files, frame.body.subarray(at));
    process.chdir(fn.root);
    if (fn.env?.NODE_OPTIONS) await applyOptions(fn.env.NODE_OPTIONS);
    handler = await load(fn.root, fn.handler);
    process.emit('beforeSnapshot');
  };
  start().then(
    () => writeFrame(IMPORTED, 0, frame.seq, ''),
    (err) => {
      const what = err.described || describe(err);
      logError('Uncaught Exception', typed(what.errorType, what.errorMessage, what.trace));
      writeError(IMPORTED, 0, frame.seq, what);
    },
  ).then(next);
}

// --- invoke -----------------------------------------------------------------

class Context {
  constructor(meta, callback) {
    this.callbackWaitsForEmptyEventLoop = true;
    this.functionName = fn.name;
    this.functionVersion = fn.version;
    this.invokedFunctionArn = fn.arn;
    this.memoryLimitInMB = String(fn.memory);
    this.awsRequestId = meta.id;
    this.logGroupName = fn.group;
    this.logStreamName = fn.stream;
    this.clientContext = meta.client;
    this.identity = undefined;
    this.getRemainingTimeInMillis = () => Math.max(0, meta.deadline - Date.now());
    this.done = (err, value) => { this.callbackWaitsForEmptyEventLoop = false; callback(err, value); };
    this.succeed = (value) => this.done(null, value);
    this.fail = (err) => this.done(err ?? new Error(String(err)));
  }
}

const thrown = (err) => err ?? new Error(String(err));

// finish replies to an invocation, once; a failure passes the reason.
function finish(call, value) {
  if (current !== call) return;
  let text;
  try {
    text = JSON.stringify(value) ?? 'null';
  } catch (e) {
    return fail(call, typed('Runtime.MarshalError', `Unable to stringify response body: ${e.message}`));
  }
  if (text.length > MAX_REPLY || (text.length * 3 > MAX_REPLY && Buffer.byteLength(text) > MAX_REPLY)) {
    return fail(call, typed('Function.ResponseSizeTooLarge',
      `Response payload size exceeded maximum allowed payload size (${MAX_REPLY} bytes).`));
  }
  current = null;
  writeFrame(RESULT, 0, call.seq, text);
  next();
}

function fail(call, err, type) {
  if (current !== call) return;
  if (err instanceof RangeError && /allocation failed/.test(err.message)) {
    return end(call, { errorType: 'Runtime.OutOfMemory', errorMessage: `memory exhausted: ${err.message}` });
  }
  const what = describe(err, type);
  logError('Invoke Error', err);
  current = null;
  writeError(RESULT, 0, call.seq, what);
  next();
}

// end is a failure after which the runtime is not to be trusted.
function end(call, what, status = 129) {
  writeError(RESULT, FLAG_FINAL, call.seq, what);
  exit(status);
}

// restore tells a function that this sandbox begins to serve: after it was cloned
// from a snapshot, or once after its import, where there are no snapshots. AWS has
// such hooks for other languages alone; here they are events of process.
function restore() {
  restored = true;
  process.emit('afterRestore');
}

let traced = false; // _X_AMZN_TRACE_ID is set

function trace(id) {
  traced = id !== undefined;
  if (traced) process.env._X_AMZN_TRACE_ID = id;
  else delete process.env._X_AMZN_TRACE_ID;
}

function onInvoke(frame) {
  const [meta, at] = splitBody(frame.body);
  const call = current = { seq: frame.seq, pending: null };
  requestId = meta.id;
  const callback = (err, value) => {
    if (call.pending) return;
    call.pending = err != null ? () => fail(call, err) : () => finish(call, value);
    if (err != null || !context.callbackWaitsForEmptyEventLoop) call.pending();
  };
  const context = new Context(meta, callback);
  let event;
  if (!restored) restore();
  if (traced || meta.trace) trace(meta.trace);
  try {
    event = at === frame.body.length ? null : JSON.parse(frame.body.toString('utf8', at));
  } catch (err) {
    return fail(call, err, 'Runtime.UnmarshalError');
  }
  try {
    const result = handler(event, context, callback);
    if (typeof result?.then === 'function') result.then((v) => finish(call, v), (e) => fail(call, thrown(e)));
  } catch (err) {
    fail(call, thrown(err));
  }
}

// The event loop ran empty: a callback handler is done, and a promise that is
// still open will never settle. AWS Lambda answers null to both.
process.on('beforeExit', () => {
  if (!current) return;
  if (current.pending) current.pending();
  else finish(current, null);
});

process.on('uncaughtException', (err, origin) => {
  const rejected = origin === 'unhandledRejection';
  const what = rejected
    ? { ...describe(err, 'Runtime.UnhandledPromiseRejection'), errorMessage: String(err) } : describe(err);
  if (rejected) {
    const named = Object.assign(typed(what.errorType, what.errorMessage), { reason: err });
    logError('Unhandled Promise Rejection', named);
  }
  else logError('Uncaught Exception', err);
  if (current) end(current, what, rejected ? 128 : 129);
  exit(rejected ? 128 : 129);
});

// --- anticipatory optimisation ----------------------------------------------

// trainingRuns serves the requests of training functions, in turns, from a file, by the
// same code that will serve the real one: what is compiled late, cached or grown on first
// use is then so already. Nothing else stays of a training function, which requires a
// module of its own as most functions do. A function that fails makes the step fail, once
// all runs are done.
const TRAINING_RUNS = 200, CALM = 50, TRAINING_CALLS = 4;

// By V8's major version, a flag that says how soon it optimises: during all training runs
// but the last CALM, and its default. Code that is optimised runs with few of the
// heap's pages; where V8 still counts a function's calls, every clone writes the count.
// In the last training runs what is left to count comes to be that of the default.
const TIERING = {
  10: ['interrupt-budget', 500, 135168],
  11: ['interrupt-budget', 500, 67584],
  12: ['invocation-count-for-turbofan', 30, 3000],
  13: ['invocation-count-for-turbofan', 30, 3000],
};
const [tierFlag, tierSoon, tierDefault] = TIERING[parseInt(process.versions.v8, 10)] || [];
const tier = (value) => tierFlag && require('v8').setFlagsFromString(`--${tierFlag}=${value}`);

async function trainingRuns(functions) {
  ownAge();
  const root = fs.mkdtempSync(path.join(require('os').tmpdir(), 'training-'));
  const env = { ...process.env }, cwd = process.cwd();
  const frames = [];
  const request = (type, flags, meta, body) => {
    const json = Buffer.from(JSON.stringify(meta)), head = Buffer.alloc(HEADER), length = Buffer.alloc(4);
    const clone = Buffer.alloc(flags & FLAG_CLONED ? CLONE : 0);
    if (clone.length) clone.writeUInt32LE(process.pid);
    head.writeUInt32LE(clone.length + 4 + json.length + body.length, 0);
    head[4] = type;
    head[5] = flags;
    length.writeUInt32LE(json.length);
    frames.push(head, clone, length, json, body);
  };
  for (let i = 0; i < TRAINING_RUNS; i++) {
    const { name, source: text } = functions[i % functions.length];
    const source = Buffer.from(`require('./lib');${text}`);
    const files = [{ path: `index${i}.js`, size: source.length, mode: 0o644 }];
    request(IMPORT, FLAG_CLONED, {
      root: `${root}/task`, files, handler: `index${i}.handler`, name, version: '0', arn: '', memory: 0,
      group: 'g', stream: 's',
    }, source);
    const call = { id: '0', deadline: Date.now(), trace: 'Root=1-0-0' };
    for (let k = 0; k < TRAINING_CALLS; k++) request(INVOKE, 0, call, Buffer.from('{"training":[1,"two",{}]}'));
  }
  fs.mkdirSync(`${root}/task`);
  fs.writeFileSync(`${root}/task/lib.js`, '');
  fs.writeFileSync(`${root}/frames`, Buffer.concat(frames));
  [input, output] = [fs.openSync(`${root}/frames`), fs.openSync('/dev/null', 'w')];
  let left = TRAINING_RUNS * (1 + TRAINING_CALLS);
  tier(tierSoon);
  await new Promise((resolve) => {
    trained = () => {
      if (left === CALM * (1 + TRAINING_CALLS)) tier(tierDefault);
      return --left > 0 ? setImmediate(serve) : resolve();
    };
    setImmediate(serve);
  });
  trained = null;
  describe(new Error('training'));
  util.format('%s %o', 'training', {});
  fs.closeSync(input);
  fs.closeSync(output);
  input = output = CHANNEL;
  handler = null;
  fn = {};
  requestId = undefined;
  draw = nativeRandom;
  born = 0;
  restored = true;
  traced = false;
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
  Object.assign(process.env, env);
  for (const name of Object.keys(require.cache)) if (name.startsWith(root)) delete require.cache[name];
  process.chdir(cwd);
  fs.rmSync(root, { recursive: true });
  if (failure) {
    const { name, what } = failure;
    failure = null;
    throw typed(what.errorType, `training function ${name}: ${what.errorMessage}`, what.trace);
  }
}

const steps = {
  interpreter: trainingRuns,
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

// finishLoop lets the event loop do what the steps left to it, such as the ends of closed
// sockets: each clone would do that during its first call.
const finishLoop = () => new Promise((resolve) => setTimeout(resolve, 20));

function onPrepare(frame) {
  const run = async () => {
    const request = JSON.parse(frame.body.toString());
    for (const name of request.steps) {
      if (!steps[name]) throw new Error(`unknown step '${name}'`);
      await steps[name](request.training);
      await finishLoop();
    }
  };
  run().then(
    () => writeFrame(PREPARED, 0, frame.seq, ''),
    (err) => writeError(PREPARED, 0, frame.seq, describe(err)),
  ).then(next);
}

// --- serve ------------------------------------------------------------------

const handlers = { [IMPORT]: onImport, [INVOKE]: onInvoke, [PREPARE]: onPrepare };

// Math.random goes through a variable, so that code which kept the function
// itself, as lodash does, draws from a clone's own state too.
const nativeRandom = Math.random;
let draw = nativeRandom;
Math.random = function random() { return draw(); };

// A clone's clocks of its own age begin where it does: born is that moment, 0 in
// what is no clone.
let born = 0;
const nativeUptime = process.uptime;
process.uptime = function uptime() { return born ? (Date.now() - born) / 1000 : nativeUptime(); };

// ownAge is for the state that clones are made of: performance is loaded when it is
// first used.
function ownAge() {
  const native = performance, now = native.now.bind(native), origin = native.timeOrigin;
  Object.defineProperty(native, 'timeOrigin', { configurable: true, enumerable: true, get: () => born || origin });
  Object.defineProperty(native, 'now', {
    configurable: true, enumerable: true, writable: true,
    value: function () { return born ? origin + now() - born : now(); },
  });
}

// reseed gives a clone what tells it from the others: its process id and random
// state of its own. OpenSSL notices by the new process id; Node's caches of what
// OpenSSL gave are used up.
function reseed(pid, seed) {
  born = Date.now();
  // Node asks for its process id once, at start.
  Object.defineProperty(process, 'pid', { value: pid, enumerable: true, configurable: true });
  let a = seed.readInt32LE(0), b = seed.readInt32LE(4) | 1, c = seed.readInt32LE(8), d = seed.readInt32LE(12);
  const next32 = () => { // xoshiro128**, Blackman and Vigna 2018
    const r = Math.imul(b, 5), t = b << 9;
    c ^= a; d ^= b; b ^= c; a ^= d; c ^= t; d = (d << 11) | (d >>> 21);
    return Math.imul((r << 7) | (r >>> 25), 9) >>> 0;
  };
  draw = () => (next32() * 0x200000 + (next32() >>> 11)) / 9007199254740992;
  if (!process.moduleLoadList.includes('NativeModule internal/crypto/random')) return;
  const crypto = require('crypto');
  for (let i = 0; i < 128; i++) crypto.randomUUID();     // a batch of randomUUID
  for (let i = 0; i < 1024; i++) crypto.randomInt(2);    // 6 KB of randomInt
}

function serve() {
  const frame = readFrame();
  if (frame.flags & FLAG_CLONED) {
    if (frame.body.length < CLONE) die('clone without its identity');
    restored = handler === null;
    // The function was in the snapshot.
    if (frame.type === INVOKE) process.env.AWS_LAMBDA_INITIALIZATION_TYPE = 'snap-start';
    reseed(frame.body.readUInt32LE(0), frame.body.subarray(4, CLONE));
    frame.body = frame.body.subarray(CLONE);
  }
  const handle = handlers[frame.type];
  if (!handle) die(`unknown frame type ${frame.type}`);
  handle(frame);
}

// One turn of the event loop between two requests lets what the function left
// behind (ticks, rejections) come to an end before the sandbox sleeps.
function next() {
  if (trained) trained();
  else setImmediate(serve);
}

adoptLog();
captureOutput();
writeFrame(HELLO, 0, 0, JSON.stringify({
  protocol: PROTOCOL, language: 'nodejs', version: process.versions.node, pid: process.pid,
}));
next();
