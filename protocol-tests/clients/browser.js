// Pages in headless Chromium, one at a time. They get their orders line by line on the standard input
// and report events as the other scripts do. They come from a port of their own, so that every request
// to the server is a request to another origin.
//
// Each page shares nothing with the one before. The file is chosen in a file input, as a user would,
// and again after each reload.

import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import puppeteer from 'puppeteer-core';
import { config, tell } from './events.js';

const HTML = '<!doctype html><meta charset="utf-8"><title>chat</title><link rel="icon" href="data:,"><input type="file"><script src="/page.js"></script>';

// The code of the README, unchanged, with the functions of an application around it.
async function readme() {
  const text = await fs.promises.readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const [, lines] = text.match(/```js\n(import \* as tus[^]*?)```/);
  const [first, ...others] = lines.split('\n');
  const around = 'server, conversationId, file, caption, freshToken, showProgress, showMessage, showError';
  return `${first}\nexport async function sendAsInReadme({ ${around} }) {\n${others.join('\n')}\nreturn upload;\n}`;
}

const clients = fileURLToPath(new URL('.', import.meta.url));
const fromReadme = {
  name: 'readme',
  setup(build) {
    build.onResolve({ filter: /^readme$/ }, () => ({ path: 'README.md', namespace: 'readme' }));
    build.onLoad({ filter: /.*/, namespace: 'readme' }, async () => ({ contents: await readme(), resolveDir: clients }));
  },
};

async function serve() {
  const bundle = await build({
    plugins: [fromReadme],
    entryPoints: [fileURLToPath(new URL('./page.js', import.meta.url))],
    bundle: true,
    write: false,
    format: 'iife',
    logLevel: 'error',
  });
  const files = {
    '/': ['text/html', HTML],
    '/page.js': ['text/javascript', bundle.outputFiles[0].text],
  };
  const server = http.createServer((request, response) => {
    const [type, body] = files[request.url] ?? ['text/plain', ''];
    response.writeHead(files[request.url] ? 200 : 404, { 'Content-Type': type }).end(body);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${server.address().port}/`;
}

// Chromium is controlled through a pipe, so that it ends with this process, however that ends. The
// sandbox of pages does not work for root in a container, and is not needed: the only page is our own.
async function launch() {
  return puppeteer.launch({
    executablePath: findOnPath('chromium'),
    headless: true,
    pipe: true,
    userDataDir: config.profile,
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
  });
}

function findOnPath(program) {
  const places = process.env.PATH.split(path.delimiter).map((folder) => path.join(folder, program));
  const found = places.find((place) => fs.existsSync(place));
  if (!found) throw new Error(`${program} is missing: start the tests with protocol-tests/run`);
  return found;
}

const [url, browser] = await Promise.all([serve(), launch()]);
let page;
let file;

async function chooseFile() {
  const input = await page.$('input');
  await input.uploadFile(file);
}

async function open(order) {
  await page?.browserContext().close();
  const context = await browser.createBrowserContext();
  page = await context.newPage();
  await page.exposeFunction('tell', tell);
  page.on('pageerror', (error) => tell('page error', { message: String(error) }));
  page.on('console', (message) => tell('console', { text: message.text() }));
  await page.goto(url);
  file = order.file;
  await chooseFile();
}

async function reload() {
  await page.reload();
  await chooseFile();
}

// Sets whether the browser is online: what it tells its page, and what it can reach.
async function network({ offline }) {
  await page.setOfflineMode(offline);
}

const ours = { open, reload, network };

async function obey(order) {
  if (ours[order.do]) await ours[order.do](order);
  else await page.evaluate((order) => globalThis.obey(order), order);
  tell('done', order);
}

const orders = readline.createInterface({ input: process.stdin });
orders.on('close', () => browser.close().then(() => process.exit()));
for await (const line of orders) {
  await obey(JSON.parse(line)).catch((error) => tell('error', { message: String(error) }));
}
