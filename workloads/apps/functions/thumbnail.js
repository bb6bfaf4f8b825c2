'use strict';
// Draws a grey picture, scales it down by averaging blocks, and sums it up.
exports.handler = async ({ width, height, block }) => {
  const pixels = Buffer.alloc(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) pixels[y * width + x] = (x * x + 3 * y * x + y) & 255;
  }
  const small = Buffer.alloc((width / block) * (height / block));
  for (let y = 0, at = 0; y < height; y += block) {
    for (let x = 0; x < width; x += block) {
      let sum = 0;
      for (let j = 0; j < block; j++) for (let i = 0; i < block; i++) sum += pixels[(y + j) * width + x + i];
      small[at++] = Math.floor(sum / (block * block));
    }
  }
  let check = 0;
  for (const p of small) check = (check * 31 + p) % 1000003;
  return { width: width / block, height: height / block, check };
};
