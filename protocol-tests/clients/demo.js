// The page of the demo in headless Chromium, as a person uses it: orders come line by line on the standard input, and
// everything that a person would see is told.

import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import puppeteer from 'puppeteer-core';
import { config, tell } from './events.js';

// What the browser itself says of a connection that died, which is what these tests are about.
const OF_THE_LINE = /^(Failed to load resource: net::|WebSocket connection to )/;

function findOnPath(program) {
  const places = process.env.PATH.split(path.delimiter).map((folder) => path.join(folder, program));
  const found = places.find((place) => fs.existsSync(place));
  if (!found) throw new Error(`${program} is missing: start the tests with protocol-tests/run`);
  return found;
}

const browser = await puppeteer.launch({
  executablePath: findOnPath('chromium'),
  headless: true,
  pipe: true,
  userDataDir: config.profile,
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--autoplay-policy=no-user-gesture-required'],
});
let page;

async function open() {
  page = await browser.newPage();
  page.on('pageerror', (error) => tell('fault', { message: String(error) }));
  page.on('console', (message) => {
    const isFault = message.type() === 'error' && !OF_THE_LINE.test(message.text());
    if (isFault) tell('fault', { message: message.text() });
  });
  await page.evaluateOnNewDocument(() => {
    addEventListener('securitypolicyviolation', (violation) => console.error(`policy: ${violation.blockedURI}`));
  });
  await page.setViewport({ width: 1440, height: 900 });
  if (config.bytesPerSecond) await slow(config.bytesPerSecond);
  await page.goto(config.url);
  await page.waitForSelector('#left[data-state=up]');
}

// A line on which there is time to do something.
async function slow(bytesPerSecond) {
  await page.emulateNetworkConditions({ upload: bytesPerSecond, download: -1, latency: 0 });
}

// A film of a moving square, with as much of nothing behind it (an EBML Void element) as makes it so large.
async function film({ file, size }) {
  const context = await browser.createBrowserContext();
  const studio = await context.newPage();
  const recorded = await studio.evaluate(async () => {
    const canvas = document.createElement('canvas');
    const brush = canvas.getContext('2d');
    const recorder = new MediaRecorder(canvas.captureStream(20), { mimeType: 'video/webm;codecs=vp8' });
    const pieces = [];
    recorder.addEventListener('dataavailable', ({ data }) => pieces.push(data));
    recorder.start();
    for (let at = 0; at < 40; at += 1) {
      brush.fillStyle = '#eee';
      brush.fillRect(0, 0, 300, 150);
      brush.fillStyle = '#0b6e5f';
      brush.fillRect(at * 5, 50, 50, 50);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const stopped = new Promise((resolve) => recorder.addEventListener('stop', resolve));
    recorder.stop();
    await stopped;
    const bytes = new Uint8Array(await new Blob(pieces).arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
  });
  await context.close();
  const frames = Buffer.from(recorded, 'base64');
  const rest = Buffer.alloc(size - frames.length);
  rest[0] = 0xec;
  rest.writeBigUInt64BE((1n << 56n) | BigInt(rest.length - 9), 1);
  fs.writeFileSync(file, Buffer.concat([frames, rest]));
}

const orders = {
  open,
  film,
  async choose({ side, file }) {
    await (await page.$(`#${side} .file`)).uploadFile(file);
  },
  async say({ side, text }) {
    await page.type(`#${side} .caption`, text);
    await page.click(`#${side} .send`);
  },
  async plug() {
    await page.click('#plug');
  },
  async reload() {
    await page.reload();
  },
  async close() {
    const empty = await browser.newPage();
    await page.close();
    page = empty;
  },
  async press({ text }) {
    await page.evaluate((text) => {
      [...document.querySelectorAll('button')].find((button) => button.textContent === text && !button.hidden).click();
    }, text);
  },
  async play() {
    const played = await page.evaluate(async () => {
      const film = document.querySelector('#right video');
      film.muted = true;
      await film.play();
      while (film.currentTime < 0.5) await new Promise((resolve) => setTimeout(resolve, 50));
      return film.currentTime;
    });
    tell('played', played);
  },
  async shoot({ file, width, dark }) {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }]);
    await page.setViewport({ width, height: 900 });
    await page.screenshot({ path: file });
    await page.setViewport({ width: 1440, height: 900 });
  },
  async look() {
    tell('seen', await page.evaluate(() => {
      const texts = (selector) => [...document.querySelectorAll(selector)].map((element) => element.textContent.trim());
      const truth = (name) => document.getElementById(`truth-${name}`).textContent;
      return {
        messages: texts('#right .message .bubble-text'),
        others: texts('#right .others .bubble-state'),
        sendings: texts('#left .sending .bubble-state'),
        isAway: !document.getElementById('away').hidden,
        truth: { lost: truth('lost'), twice: truth('twice'), zero: truth('zero'), made: truth('made') },
        wire: texts('#wire-rows tr').slice(0, 12),
      };
    }));
  },
};

const lines = readline.createInterface({ input: process.stdin });
lines.on('close', () => browser.close().then(() => process.exit()));
for await (const line of lines) {
  const order = JSON.parse(line);
  await orders[order.do](order).then(() => tell('done', order), (error) => tell('error', { message: String(error) }));
}
