// The browsers for the demo's page: Debian's Chromium and Firefox.

import fs from 'node:fs';
import path from 'node:path';
import puppeteer from 'puppeteer-core';

const BROWSERS = {
  chromium: {
    program: 'chromium',
    settings: {
      pipe: true,
      args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--autoplay-policy=no-user-gesture-required'],
    },
    // The browser's own errors about dead connections are expected: the tests cut them.
    isPlain: (text) => /^(Failed to load resource: (net::|the server responded)|WebSocket connection to )/.test(text),
    // A slow line, so that there is time to do something, whatever the page does.
    async prepare(page, { bytesPerSecond }) {
      if (bytesPerSecond) await page.emulateNetworkConditions({ upload: bytesPerSecond, download: -1, latency: 0 });
    },
  },
  firefox: {
    program: 'firefox-esr',
    settings: {
      browser: 'firefox',
      extraPrefsFirefox: { 'media.autoplay.default': 0, 'network.proxy.type': 0 },
    },
    isPlain: (text) => /^Firefox can.t establish a connection|was interrupted while the page was loading/.test(text),
    async prepare() {},
  },
};

function findOnPath(program) {
  const places = process.env.PATH.split(path.delimiter).map((folder) => path.join(folder, program));
  const found = places.find((place) => fs.existsSync(place));
  if (!found) throw new Error(`${program} is missing: start the tests with protocol-tests/run`);
  return found;
}

/** `{browser, isPlain(text), prepare(page)}`. */
export async function start(config) {
  const { program, settings, isPlain, prepare } = BROWSERS[config.browser];
  fs.mkdirSync(config.profile, { recursive: true });
  const browser = await puppeteer.launch({
    executablePath: findOnPath(program),
    headless: true,
    userDataDir: config.profile,
    ...settings,
  });
  return { browser, isPlain, prepare: (page) => prepare(page, config) };
}
