export const helper = () => 'esm package';
