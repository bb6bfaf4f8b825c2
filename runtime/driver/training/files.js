// Writes two small files into a directory of its own, lists it and removes it.
const fs = require('fs');
const os = require('os');
const path = require('path');

exports.handler = async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'notes-'));
  try {
    for (const name of ['first', 'second']) fs.writeFileSync(path.join(dir, name), `${name}\n`.repeat(50));
    return fs.readdirSync(dir).map((name) => fs.readFileSync(path.join(dir, name), 'utf8').length);
  } finally {
    fs.rmSync(dir, { recursive: true });
  }
};
