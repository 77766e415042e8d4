// The server is where this page came from, unless `VITE_SERVER` named another one at build time: any origin is fine.
const server = new URL(import.meta.env['VITE_SERVER'] ?? '.', document.baseURI);

/** The URL of a route, or of a path that the server gave. */
export const at = (path: string): string => new URL(path, server).href;
