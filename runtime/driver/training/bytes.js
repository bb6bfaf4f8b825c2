// Allocates a block of bytes, fills it with a wave and adds neighbours up.
exports.handler = async () => {
  const wave = Buffer.alloc(64 << 10);
  for (let i = 0; i < wave.length; i++) wave[i] = (i * i) & 255;
  const sums = new Uint32Array(256);
  for (let i = 0; i < wave.length; i++) sums[i >> 8] += wave[i];
  return Array.from(sums.subarray(0, 16));
};
