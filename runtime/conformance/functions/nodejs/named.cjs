'use strict';
// An ES module that imports from this file sees the names that cjs-module-lexer finds.
exports.one = 1;
exports['two'] = 2;
