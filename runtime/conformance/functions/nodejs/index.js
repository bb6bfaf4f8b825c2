// Every case that is one call of a handler: event.do names it.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const { spawn } = require('child_process');

const cases = {
  echo: async (event) => event.value,
  throw: async () => { throw new TypeError('boom'); },
  throwString: async () => { throw 'just text'; },
  throwNothing: async () => { throw undefined; },
  async: () => new Promise((resolve) => setTimeout(() => resolve('later'), 20)),
  print: async () => {
    console.log('from the log');
    console.error('from the error %d', 42);
    process.stdout.write('from stdout\n');
  },
  printRaw: async () => {
    fs.writeSync(1, 'raw one\n');
    console.log('two\nlines');
    fs.writeSync(2, 'raw three\n');
    process.stdout.write(Buffer.from('bytes four\n'));
    await new Promise((resolve) => fs.write(1, 'async five\n', resolve));
  },
  printAndThrow: async (event) => {
    for (let i = 0; i < event.lines; i++) console.log('x'.repeat(1000));
    console.log('the last line');
    throw new TypeError('at the end');
  },
  printAndCrash: async () => { console.log('before the crash'); process.abort(); },
  printAndHang: async () => { console.log('before the time-out'); await new Promise((r) => setTimeout(r, 1e8)); },
  printAndHog: async () => {
    console.log('before the end of memory');
    for (const kept = []; ;) kept.push(Buffer.alloc(4 << 20, 1));
  },
  failLater: async () => { setImmediate(() => { throw new RangeError('after the reply'); }); return 'replied'; },
  printMuch: async (event) => { for (let i = 0; i < event.lines; i++) console.log('x'.repeat(1000)); },
  printAtOnce: async (event) => { process.stdout.write('y'.repeat(event.bytes)); return event.bytes; },
  context: async (_event, c) => ({
    id: c.awsRequestId, name: c.functionName, version: c.functionVersion, arn: c.invokedFunctionArn,
    memory: c.memoryLimitInMB, remaining: c.getRemainingTimeInMillis(), client: c.clientContext ?? null,
  }),
  environment: async () => ({
    own: process.env.OWN, name: process.env.AWS_LAMBDA_FUNCTION_NAME,
    root: process.env.LAMBDA_TASK_ROOT, cwd: process.cwd(), secret: process.env.PLATFORM_SECRET ?? null,
  }),
  variables: async () => ({ ...process.env }),
  training: async () => [
    ...Object.keys(require.cache), ...fs.readdirSync(require('os').tmpdir()),
  ].filter((name) => name.includes('training')),
  trace: async () => process.env._X_AMZN_TRACE_ID ?? null,
  age: async () => [
    process.uptime() * 1000, Date.now() - performance.timeOrigin,
    performance.timeOrigin + performance.now() - Date.now(),
  ],
  size: async (event) => event.value.length,
  big: async (event) => 'x'.repeat(event.bytes),
  circular: async () => { const o = {}; o.self = o; return o; },
  unserializable: async () => ({ n: 10n }),
  nothing: async () => undefined,
  spin: async (event) => { for (const end = Date.now() + event.ms; Date.now() < end;); },
  random: async () => [
    Math.random(), crypto.randomUUID(), crypto.randomBytes(16).toString('hex'), crypto.randomInt(2 ** 47),
    globalThis.crypto ? globalThis.crypto.randomUUID() : crypto.randomUUID(),
  ].map(String).concat('pid:' + process.pid),
  clock: async () => Date.now(),
  remember: async (event) => { globalThis.kept = event.value; },
  recall: async () => globalThis.kept ?? null,
  writeTmp: async () => {
    const file = require('path').join(require('os').tmpdir(), 'kept');
    require('fs').writeFileSync(file, 'here');
    return require('fs').readFileSync(file, 'utf8');
  },
  create: async (event) => {
    try { require('fs').writeFileSync(event.path, ''); return true; } catch { return false; }
  },
  exists: async (event) => require('fs').existsSync(event.path),
  read: async (event) => { try { return require('fs').readFileSync(event.path, 'utf8'); } catch { return ''; } },

  // Those that end the sandbox.
  loop: () => { console.log('begun'); for (;;); },
  native: () => /^(a+)+$/.test('a'.repeat(60) + 'b'),
  hang: () => { console.log('begun'); return new Promise((resolve) => setTimeout(resolve, 1e8)); },
  hog: async () => { const kept = []; for (;;) kept.push(Buffer.alloc(4 << 20, 1)); },
  exit0: async () => { process.exit(0); },
  exit3: async () => { process.exit(3); },
  exitInner: async () => { process.reallyExit(4); },
  killSelf: async () => { process.kill(process.pid, 'SIGKILL'); await new Promise((r) => setTimeout(r, 1e8)); },
  exitLater: async () => {
    const kill = "setTimeout(() => process.kill(process.pid, 'SIGKILL'), 100)";
    const worker = new (require('worker_threads').Worker)(kill, { eval: true });
    await new Promise((resolve) => worker.once('online', resolve));
  },
  garbage: async () => { require('fs').writeSync(3, 'this is no frame, it is garbage'); },
  closeChannel: async () => { require('fs').closeSync(3); },
  unhandled: () => { Promise.reject(new RangeError('nobody listens')); return new Promise((r) => setTimeout(r, 1e8)); },
  uncaught: () => {
    setTimeout(() => { throw new RangeError('out of the blue'); }, 1);
    return new Promise((r) => setTimeout(r, 1e8));
  },
  open: () => new Promise(() => {}),

  // A grandchild in a session of its own, whose parent is gone.
  escape: (event) => new Promise((resolve) => {
    const sleeper = "require('child_process').spawn(process.execPath," +
      `['-e','setInterval(()=>{},1e9)',${JSON.stringify(event.mark)}],{detached:true,stdio:'ignore'}).unref()`;
    let child;
    try {
      child = spawn(process.execPath, ['-e', sleeper], { detached: true, stdio: 'ignore' });
    } catch (err) {
      return resolve({ refused: String(err.code) });
    }
    child.on('error', (err) => resolve({ refused: String(err.code) }));
    child.on('exit', (code) => resolve({ started: code === 0 }));
  }),
  // A child counts as started once it runs: one that is refused its threads ends itself, or waits for them for ever.
  forkBomb: async (event) => {
    const outcome = { started: 0, refused: 0 };
    const child = () => new Promise((resolve) => {
      let up;
      const source = 'console.log(); setInterval(()=>{},1e9)';
      try {
        up = spawn(process.execPath, ['-e', source], { stdio: ['ignore', 'pipe', 'ignore'] });
      } catch {
        return resolve('refused');
      }
      up.stdout?.once('data', () => resolve('started'));
      up.on('error', () => resolve('refused'));
      up.on('exit', () => resolve('refused'));
      setTimeout(resolve, 2000, 'refused');
    });
    for (const end of await Promise.all(Array.from({ length: event.tries }, child))) outcome[end]++;
    return outcome;
  },
};

exports.handler = (event, context) => cases[event.do](event, context);

exports.callback = (event, context, callback) => {
  switch (event.do) {
    case 'value': return void setTimeout(() => callback(null, 'called back'), 5);
    case 'error': return void callback(new RangeError('called back in anger'));
    case 'now':
      context.callbackWaitsForEmptyEventLoop = false;
      setTimeout(() => {}, 1e8).unref();
      setInterval(() => {}, 1e8);
      return void callback(null, 'without waiting');
    case 'wait': {
      let finished = false;
      setTimeout(() => { finished = true; console.log('the loop ran empty'); }, 30);
      return void callback(null, { finished });
    }
    case 'succeed': return void context.succeed('by context');
    case 'fail': return void context.fail(new RangeError('by context'));
    case 'done': return void context.done(null, 'done');
  }
};

exports.inner = { handler: async () => 'inner' };
exports.notAFunction = 42;
