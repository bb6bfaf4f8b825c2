// Writes sensor readings as JSON, parses the text and keeps the largest of each place.
exports.handler = async (event) => {
  const readings = [];
  for (let i = 0; i < 24; i++) {
    readings.push({ place: `p${i % 7}`, at: i * 60, celsius: (i * 37) % 41 - 5, tags: ['raw', null] });
  }
  const largest = {};
  for (const r of JSON.parse(JSON.stringify({ readings })).readings) {
    if (!(largest[r.place]?.celsius >= r.celsius)) largest[r.place] = { ...r, tags: r.tags.filter(Boolean) };
  }
  return { event, largest: Object.entries(largest).map(([place, r]) => [place, r.celsius, r.at]) };
};
