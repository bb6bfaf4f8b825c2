// Drives the API with the public client; prints SUCCESS.
'use strict';
const assert = require('assert');
const openwhisk = require('openwhisk');

const [apihost, api_key] = process.argv.slice(2);
const ow = openwhisk({ apihost, api_key, namespace: '_' });
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function refused(promise, statusCode) {
  const err = await promise.then(() => null, (e) => e);
  assert.strictEqual(err?.statusCode, statusCode, String(err));
  return err;
}

async function main() {
  assert.deepStrictEqual(await ow.namespaces.list(), ['guest']);
  const source = 'function main(p) { console.log("called"); return { hello: p.name } }';
  const made = await ow.actions.create({
    name: 'hello', action: source, params: { name: 'default' }, annotations: { a: 1 }, limits: { timeout: 5000 },
  });
  assert.strictEqual(made.version, '0.0.1');
  const err = await refused(ow.actions.create({ name: 'hello', action: source }), 409);
  assert.match(err.message, /resource already exists/);
  await ow.actions.update({ name: 'hello', action: source, params: { name: 'default' } });
  assert.strictEqual((await ow.actions.get({ name: 'hello' })).exec.code, source);
  assert.deepStrictEqual((await ow.actions.list()).map((a) => a.name), ['hello']);

  assert.deepStrictEqual(
    await ow.actions.invoke({ name: 'hello', blocking: true, result: true }), { hello: 'default' });
  const whole = await ow.actions.invoke({ name: 'hello', blocking: true, params: { name: 'ada' } });
  assert.deepStrictEqual(whole.response.result, { hello: 'ada' });

  const { activationId } = await ow.actions.invoke({ name: 'hello', params: { name: 'later' } });
  let found = null;
  for (let i = 0; i < 200 && !found; i++) {
    found = await ow.activations.get({ name: activationId }).catch((e) => { if (e.statusCode !== 404) throw e; });
    await sleep(20);
  }
  assert.deepStrictEqual(found.response.result, { hello: 'later' });
  assert.match((await ow.activations.logs({ name: activationId })).logs[0], /stdout: called$/);
  assert.deepStrictEqual((await ow.activations.result({ name: activationId })).result, { hello: 'later' });
  assert.strictEqual((await ow.activations.list({ limit: 2 })).length, 2);

  await ow.packages.update({ name: 'tools', package: { parameters: [{ key: 'x', value: 1 }] } });
  await ow.actions.update({
    name: 'tools/py', kind: 'python:3', action: 'def main(args):\n    return {"x": args["x"] + 1}\n',
  });
  assert.deepStrictEqual(await ow.actions.invoke({ name: 'tools/py', blocking: true, result: true }), { x: 2 });
  assert.deepStrictEqual((await ow.packages.get({ name: 'tools' })).actions.map((a) => a.name), ['py']);
  assert.deepStrictEqual((await ow.packages.list()).map((p) => p.name), ['tools']);
  await refused(ow.packages.delete({ name: 'tools' }), 409);
  await ow.actions.delete({ name: 'tools/py' });
  await ow.packages.delete({ name: 'tools' });

  await ow.actions.update({ name: 'bad', action: 'function main() { return { error: "mine" } }' });
  const failed = await refused(ow.actions.invoke({ name: 'bad', blocking: true }), 502);
  assert.strictEqual(failed.error.response.status, 'application error');
  await ow.actions.delete({ name: 'hello' });
  await refused(ow.actions.get({ name: 'hello' }), 404);
  await refused(openwhisk({ apihost, api_key: 'no:body', namespace: '_' }).actions.list(), 401);
  console.log('SUCCESS');
}

main().catch((err) => { console.error(err); process.exit(1); });
