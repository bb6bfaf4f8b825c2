import { helper } from './helper.js';

export const handler = async () => helper();
