// The demo's page in a headless browser, as a user uses it: orders come line by line on the standard input, and
// everything that a user would see is reported.

import fs from 'node:fs';
import readline from 'node:readline';
import { start } from './demo-browser.js';
import { faultsOfLayout, faultsOfAxe } from './demo-looks.js';
import { config, tell } from './events.js';
import { bytesOf, picture } from './film.js';

const { browser, isPlain, prepare } = await start(config);
const contexts = { own: browser.defaultBrowserContext() };
const pages = {};
let page;

/** A window of this browser, or with `of` of another person's. */
async function open({ window = 'first', of = 'own' } = {}) {
  contexts[of] ??= await browser.createBrowserContext();
  page = await contexts[of].newPage();
  pages[window] = page;
  page.on('pageerror', (error) => isPlain(error.message) || tell('fault', { message: String(error) }));
  page.on('console', (message) => {
    if (message.type() === 'error' && !isPlain(message.text())) tell('fault', { message: message.text() });
  });
  await page.evaluateOnNewDocument(watch);
  await page.setViewport({ width: 1440, height: 900 });
  await prepare(page);
  await page.goto(config.url);
  await page.waitForSelector('#right[data-state=up]');
}

/** Looks on from the first moment: what the policy forbids, what is read out, and what jumps. */
function watch() {
  globalThis.seen = { told: [], jumps: 0 };
  addEventListener('securitypolicyviolation', (violation) => console.error(`policy: ${violation.blockedURI}`));
  if (globalThis.LayoutShift) {
    new PerformanceObserver((list) => {
      for (const shift of list.getEntries()) if (!shift.hadRecentInput) seen.jumps += shift.value;
    }).observe({ type: 'layout-shift', buffered: true });
  }
  addEventListener('DOMContentLoaded', () => {
    const read = (element) => element.textContent.trim() && !element.hidden && seen.told.push(element.textContent.trim());
    for (const region of document.querySelectorAll('[role=log], [role=status], [aria-live]')) {
      new MutationObserver((changes) => {
        for (const { target, addedNodes } of changes) {
          if (region.role === 'log') addedNodes.forEach(read);
          else if (target === region || region.contains(target)) read(region);
        }
      }).observe(region, { childList: true, characterData: true, subtree: true, attributes: true, attributeFilter: ['hidden'] });
    }
  });
}

/** A noisy picture, painted in a window of its own. */
async function painted(brightness, type) {
  const studio = await browser.newPage();
  const bytes = await studio.evaluate(`(async () => {
    const blob = await (${picture})(${brightness}, '${type}', 640, 480);
    return [...new Uint8Array(await blob.arrayBuffer())];
  })()`);
  await studio.close();
  return Uint8Array.from(bytes);
}

const named = (side, name) => `#${side} .${name}`;

async function pressed(text, side) {
  await page.evaluate((text, side) => {
    const buttons = [...document.querySelectorAll(`#${side} .bubble-acts button`)];
    buttons.find((button) => button.textContent === text && !button.hidden).click();
  }, text, side);
}

const orders = {
  open,
  async use({ window }) {
    page = pages[window];
    await page.bringToFront();
  },
  async file({ file, size }) {
    fs.writeFileSync(file, Buffer.alloc(size, 'longhaul '));
  },
  async picture({ file }) {
    const studio = await browser.newPage();
    await studio.setViewport({ width: 320, height: 240 });
    await studio.evaluate(() => (document.documentElement.style.background = 'linear-gradient(#cfe6ea, #0b6e5f)'));
    await studio.screenshot({ path: file });
    await studio.close();
  },
  async film({ file, secs }) {
    const pictures = [await painted(10, 'image/webp'), await painted(180, 'image/webp')];
    fs.writeFileSync(file, await bytesOf(secs, pictures));
  },
  async noise({ file }) {
    fs.writeFileSync(file, await painted(100, 'image/png'));
  },
  async line({ mode }) {
    await page.click(`input[name=mode][value=${mode}]`);
  },
  async way({ side, way }) {
    await page.select(named(side, 'way'), way);
  },
  async choose({ side, files }) {
    await (await page.$(named(side, 'file'))).uploadFile(...files);
  },
  // Pasted or dropped files, as the system hands them over.
  async hand({ by, side, name, text }) {
    await page.evaluate((by, side, name, text) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([text], name, { type: 'text/plain' }));
      const place = document.getElementById(side);
      const event = by === 'paste'
        ? new ClipboardEvent('paste', { clipboardData: transfer, bubbles: true, cancelable: true })
        : new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true });
      place.querySelector('.caption').dispatchEvent(event);
    }, by, side, name, text);
  },
  async find({ file }) {
    await (await page.$('#left .found input')).uploadFile(file);
  },
  async write({ side, text }) {
    await page.type(named(side, 'caption'), text);
  },
  async say({ side, text }) {
    await page.type(named(side, 'caption'), text);
    await page.click(named(side, 'send'));
  },
  async make() {
    await page.click('#make');
  },
  async save({ side }) {
    await page.click(`#${side} .bubble-file a`);
  },
  async plug() {
    await page.click('#plug');
  },
  async log() {
    await page.click('#wire summary');
  },
  async reload() {
    await page.reload();
    await page.waitForSelector('#right[data-state=up]');
  },
  async close() {
    const empty = await page.browserContext().newPage();
    await page.close();
    page = empty;
  },
  async press({ text, side = 'left' }) {
    await pressed(text, side);
  },
  async keys({ keys }) {
    for (const key of keys) await page.keyboard.press(key);
  },
  async chooseByKey({ key, file }) {
    const opened = page.waitForFileChooser();
    // The file is chosen only once the browser knows not to show a dialog.
    await page.evaluate(() => null);
    await page.keyboard.press(key);
    await (await opened).accept([file]);
  },
  async focused() {
    tell('focused', await page.evaluate(() => {
      const element = document.activeElement;
      // After the page's last element, the browser itself gets the focus.
      if (element === document.body) return { name: '', isVisible: true };
      const ring = getComputedStyle(element.closest('.add') ?? element);
      const name = element.ariaLabel || element.labels?.[0]?.textContent.trim() || element.textContent.trim();
      return { name: name.replace(/\s+/g, ' ').slice(0, 60), isVisible: ring.outlineStyle !== 'none' && parseFloat(ring.outlineWidth) > 0 };
    }));
  },
  async start({ side }) {
    await page.evaluate((side) => {
      const film = document.querySelector(`#${side} video`);
      Object.assign(film, { muted: true, loop: true });
      return film.play();
    }, side);
  },
  async play({ side }) {
    tell('played', await page.evaluate(async (side) => {
      const film = document.querySelector(`#${side} video`);
      const next = (event) => new Promise((resolve, reject) => {
        film.addEventListener(event, resolve, { once: true });
        film.addEventListener('error', () => reject(new Error(film.error.message)), { once: true });
      });
      if (film.readyState === 0) await next('loadedmetadata');
      film.muted = true;
      await film.play();
      while (film.currentTime < 0.3) await new Promise((resolve) => setTimeout(resolve, 50));
      film.pause();
      const sought = next('seeked');
      film.currentTime = film.duration * 0.8;
      await sought;
      const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 });
      const brush = canvas.getContext('2d');
      brush.drawImage(film, 0, 0, 1, 1);
      return { at: film.currentTime, duration: film.duration, brightness: brush.getImageData(0, 0, 1, 1).data[0] };
    }, side));
  },
  async dress({ width, dark = false, still = false }) {
    if (config.browser !== 'firefox') {
      await page.emulateMediaFeatures([
        { name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' },
        { name: 'prefers-reduced-motion', value: still ? 'reduce' : 'no-preference' },
      ]);
    }
    await page.setViewport({ width, height: 900 });
  },
  async shoot({ file, whole = false }) {
    await page.screenshot({ path: file, fullPage: whole });
  },
  async looks() {
    tell('faults', [...(await page.evaluate(faultsOfLayout)), ...(await faultsOfAxe(page))]);
  },
  async look() {
    tell('seen', await page.evaluate(() => {
      const texts = (selector) => [...document.querySelectorAll(selector)].map((element) => element.textContent.trim());
      const truth = (name) => Number(document.getElementById(`truth-${name}`).dataset.value);
      const place = (selector) => Object.values(document.querySelector(selector).getBoundingClientRect().toJSON()).map(Math.round);
      return {
        messages: texts('#right .message .bubble-text'),
        files: texts('#right .message .bubble-file').map((text) => text.replace(/\s+/g, ' ')),
        links: [...document.querySelectorAll('#right .bubble-file a')].map((link) => link.getAttribute('href')),
        media: [...document.querySelectorAll('#right .message .bubble-media > *')].map(({ localName }) => localName),
        others: texts('#right .others .bubble-state'),
        elsewhere: texts('#left .others .bubble-state'),
        found: texts('#left .found .bubble-state'),
        sendings: [...document.querySelectorAll('#left .sending')].map((bubble) => ({
          name: bubble.querySelector('.bubble-who').textContent,
          percent: parseInt(bubble.querySelector('.bubble-percent').textContent, 10),
          done: bubble.querySelector('.bubble-done').textContent,
          state: bubble.querySelector('.bubble-state').textContent,
          acts: [...bubble.querySelectorAll('button')].filter((one) => !one.hidden).map((one) => one.textContent),
        })),
        caption: document.querySelector('#left .caption').value,
        isAway: !document.getElementById('away').hidden,
        line: document.getElementById('line').dataset.mode,
        truth: { lost: truth('lost'), twice: truth('twice'), zero: truth('zero'), made: truth('made') },
        isPlaying: [...document.querySelectorAll('#left video')].some((film) => !film.paused),
        wire: texts('#wire-rows tr').slice(0, 40),
        told: seen.told,
        jumps: seen.jumps,
        places: Object.fromEntries(['#left', '#right', '#plug', '#line-state', '#left .composer', '.foot'].map((one) => [one, place(one)])),
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
