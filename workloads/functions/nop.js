'use strict';
// Function @N@: does nothing, and says which it is.
exports.handler = async () => @N@;
