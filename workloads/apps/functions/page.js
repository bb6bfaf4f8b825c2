'use strict';
// Renders text with Markdown's headings, lists and emphasis into a page.
const escapes = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

function inline(s) {
  return s.replace(/[&<>]/g, (c) => escapes[c])
    .replace(/\*\*([^*]+)\*\*/g, '<b>$1</b>')
    .replace(/\*([^*]+)\*/g, '<i>$1</i>')
    .replace(/`([^`]+)`/g, '<code>$1</code>');
}

function render(text) {
  const out = [];
  let list = false;
  for (const line of text.split('\n')) {
    const item = line.startsWith('- ');
    if (item !== list) out.push((list = item) ? '<ul>' : '</ul>');
    const heading = /^(#{1,3}) (.*)$/.exec(line);
    if (item) out.push(`<li>${inline(line.slice(2))}</li>`);
    else if (heading) out.push(`<h${heading[1].length}>${inline(heading[2])}</h${heading[1].length}>`);
    else if (line) out.push(`<p>${inline(line)}</p>`);
  }
  if (list) out.push('</ul>');
  return out.join('\n');
}

exports.handler = async (event) => {
  let body = '';
  for (let i = 0; i < event.copies; i++) body = render(event.text);
  return event.template.replace('{{title}}', () => inline(event.title)).replace('{{body}}', () => body);
};
