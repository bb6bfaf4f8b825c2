// Turns OpenWhisk's main(params) into a handler. What is thrown is the
// developer's error; a promise that is rejected, the application's.
'use strict';
const fs = require('fs');
const path = require('path');
const Module = require('module');

const name = process.env.LAMBDABENCH_OW_MAIN;

function developerError(kind, message) {
  return Object.assign(new Error(message), { name: kind });
}

function pick(exported) {
  const of = (from) => name.split('.').reduce((o, k) => (o == null ? o : o[k]), from);
  const main = of(exported) ?? of(exported?.default);
  if (typeof main !== 'function') {
    throw developerError('OpenWhisk.Initialization', `Action entrypoint '${name}' is not a function.`);
  }
  return main;
}

// Code that came as text need not export its main: what is added behind it does.
function inline(file) {
  const m = new Module(file, null);
  m.filename = file;
  m.paths = Module._nodeModulePaths(path.dirname(file));
  const root = name.split('.')[0];
  const source = fs.readFileSync(file, 'utf8');
  const exported = `Object.defineProperty(module, 'openwhisk', { value: { ${root} } })`;
  m._compile(`${source}\n;if (typeof ${root} !== 'undefined') ${exported};`, file);
  return pick(m.openwhisk ?? m.exports);
}

let main = null, loading = null;
const file = path.join(__dirname, '__ow_action.js');
if (fs.existsSync(file)) {
  main = inline(file);
} else {
  try {
    main = pick(require(__dirname));
  } catch (err) {
    if (err?.code !== 'ERR_REQUIRE_ESM') throw err;
    loading = import(require('url').pathToFileURL(require.resolve(__dirname)).href).then((m) => { main = pick(m); });
    loading.catch(() => {}); // reported by the first call
  }
}

function described(err) {
  if (!(err instanceof Error)) return err === undefined ? {} : err;
  return { ...err, name: err.name, message: err.message };
}

exports.handler = async (event) => {
  if (loading) await loading;
  Object.assign(process.env, event.env);
  let result = main(event.value);
  if (typeof result?.then === 'function') {
    try {
      result = await result;
    } catch (err) {
      console.error(err);
      return { error: err instanceof Error ? err.message : described(err) };
    }
  }
  if (result === undefined) return {};
  if (result === null || typeof result !== 'object') {
    throw developerError('OpenWhisk.NoDictionary', 'The action did not return a dictionary or array.');
  }
  return result;
};
