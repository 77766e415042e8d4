// The built examples/web in headless Chromium, a tab for each user: orders come line by line on the standard input.

import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import puppeteer from 'puppeteer-core';
import { faultsOfAxe } from './demo-looks.js';
import { config, tell } from './events.js';

// The browser's own errors that are expected: those about dead connections, which the tests cut, and the 409 to a
// request that the browser repeats by itself at an old offset.
const OF_THE_LINE = /^(Failed to load resource: (net::|.* status of 409)|WebSocket connection to )/;

const places = process.env.PATH.split(path.delimiter).map((folder) => path.join(folder, 'chromium'));
const browser = await puppeteer.launch({
  executablePath: places.find((place) => fs.existsSync(place)),
  headless: true,
  pipe: true,
  userDataDir: config.profile,
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--autoplay-policy=no-user-gesture-required'],
});
const tabs = new Map();

const orders = {
  async film({ file, secs }) {
    const studio = await browser.newPage();
    const source = fs.readFileSync(new URL('film.js', import.meta.url), 'utf8');
    await studio.addScriptTag({ type: 'module', content: `${source}\nglobalThis.film = film;` });
    await studio.waitForFunction('globalThis.film');
    const bytes = await studio.evaluate(async (secs) => {
      const reader = new FileReader();
      reader.readAsDataURL(await globalThis.film(secs));
      await new Promise((resolve) => (reader.onload = resolve));
      return reader.result.split(',')[1];
    }, secs);
    fs.writeFileSync(file, Buffer.from(bytes, 'base64'));
    await studio.close();
  },
  async open({ tab, url }) {
    const page = await browser.newPage();
    tabs.set(tab, page);
    page.on('pageerror', (error) => tell('fault', { tab, message: String(error) }));
    page.on('console', (message) => {
      const isFault = ['error', 'warn'].includes(message.type()) && !OF_THE_LINE.test(message.text());
      if (isFault) tell('fault', { tab, message: message.text() });
    });
    await page.setViewport({ width: 1440, height: 900 });
    await page.goto(url);
    await page.waitForSelector('.composer');
  },
  async reload({ tab }) {
    await tabs.get(tab).reload();
  },
  async close({ tab }) {
    await tabs.get(tab).close();
  },
  async send({ tab, file, caption }) {
    const page = tabs.get(tab);
    await (await page.$('.composer input[type=file]')).uploadFile(file);
    await page.type('.composer .caption', caption);
    await page.keyboard.press('Enter');
  },
  async look({ tab }) {
    const seen = await tabs.get(tab).evaluate(() => {
      const texts = (selector) => [...document.querySelectorAll(selector)].map((element) => element.textContent);
      return {
        state: texts('.state')[0],
        messages: texts('.message .words'),
        sendings: texts('.sending'),
        live: texts('.live'),
        problems: texts('.problem'),
      };
    });
    tell('seen', seen);
  },
  // The film is played by the signed link in the page, from its middle on.
  async play({ tab }) {
    const played = await tabs.get(tab).evaluate(async () => {
      const film = document.querySelector('.message video');
      film.muted = true;
      const until = async (isTrue) => {
        while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 50));
      };
      await until(() => film.readyState > 0);
      film.currentTime = film.duration / 2;
      await film.play();
      await until(() => film.currentTime > film.duration / 2 + 0.2);
      film.pause();
      return { films: document.querySelectorAll('.message video').length, src: film.src };
    });
    tell('played', played);
  },
  // Breaks the link, as if the page had been open until the link expired.
  async breakLink({ tab }) {
    await tabs.get(tab).evaluate(async () => {
      const film = document.querySelector('.message video');
      film.src = film.src.replace(/sig=.*/, 'sig=over');
      while (film.isConnected) await new Promise((resolve) => setTimeout(resolve, 50));
    });
  },
  // Checks the page for users of screen readers, of keyboards, and with weak eyes.
  async audit({ tab }) {
    for (const theme of ['light', 'dark']) {
      await tabs.get(tab).emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
      for (const message of await faultsOfAxe(tabs.get(tab))) tell('fault', { tab, theme, message });
    }
  },
  async shoot({ tab, file, width, dark }) {
    const page = tabs.get(tab);
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }]);
    await page.setViewport({ width, height: 844 });
    await page.screenshot({ path: file });
  },
};

const lines = readline.createInterface({ input: process.stdin });
lines.on('close', () => browser.close().then(() => process.exit()));
for await (const line of lines) {
  const order = JSON.parse(line);
  await orders[order.do](order).then(() => tell('done', order), (error) => tell('error', { message: String(error) }));
}
