import { basename } from 'node:path';

const loaded = await new Promise((resolve) => setTimeout(() => resolve('awaited'), 1));

export const handler = async () => `${loaded} ${basename(import.meta.url)}`;
