'use strict';
// Function @N@: computes for event.ms of processor time, so that it takes
// longer on the clock when it must share the processor.
exports.handler = async (event) => {
  const start = process.cpuUsage();
  for (let x = 0; ;) {
    for (let i = 0; i < 50000; i++) x = (x * 31 + i) | 0;
    const used = process.cpuUsage(start);
    if (used.user + used.system >= event.ms * 1000) return @N@;
  }
};
