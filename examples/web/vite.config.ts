import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const SERVER = 'http://127.0.0.1:8000';
const PATHS = ['/demo.json', '/files', '/conversations', '/messages', '/uploads', '/socket.io'];

export default defineConfig({
  // The built page may lie below any path, next to the server's routes: `longhaul --web examples/web/dist`.
  base: './',
  plugins: [react()],
  server: {
    // `npm run dev`: page and server are of one origin, as they are once built. The `Host` stays as it is, because the
    // server's `Location` is made of it.
    proxy: Object.fromEntries(PATHS.map((path) => [path, { target: SERVER, ws: path === '/socket.io' }])),
  },
});
