// A module that prints while it is loaded, and then throws.
'use strict';
require('fs').writeSync(1, 'printed while loading\n');
throw new RangeError('broken while loading');
