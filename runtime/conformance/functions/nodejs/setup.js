globalThis.setUp = true;
