// Takes an access log apart with a regular expression and counts the replies by status.
const { format } = require('util');

exports.handler = async () => {
  let log = '';
  for (let i = 0; i < 40; i++) log += format('10.0.0.%d GET /item/%s %d\n', i % 9, i.toString(16), i % 5 ? 200 : 404);
  const status = new Map();
  for (const [, code] of log.matchAll(/^\S+ [A-Z]+ \/\S* (\d{3})$/gm)) status.set(code, (status.get(code) ?? 0) + 1);
  return [...status].map(([code, n]) => `${code.padStart(5)}: ${n}`).join(', ').toUpperCase();
};
