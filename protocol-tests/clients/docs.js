// Looks at the documents in headless Chromium, at two widths, light and dark, and reports all faults.

import { start } from './demo-browser.js';
import { faultsOfAxe, faultsOfLayout } from './demo-looks.js';
import { config, tell } from './events.js';

const { browser } = await start(config);
const page = await browser.newPage();
let at = '';
const fault = (what) => tell('fault', `${at}: ${what}`);
page.on('pageerror', fault);
page.on('console', (message) => fault(message.text()));
page.on('requestfailed', (request) => fault(`${request.url()} failed`));
await page.evaluateOnNewDocument(() => {
  addEventListener('securitypolicyviolation', ({ blockedURI }) => console.error(`policy: ${blockedURI}`));
});

let seen = 0;
for (const document of config.documents) {
  for (const [width, height] of [[390, 844], [1440, 900]]) {
    for (const value of ['light', 'dark']) {
      at = `${document} ${width} ${value}`;
      await page.setViewport({ width, height });
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value }]);
      await page.goto(config.url + document);
      const faults = [...(await page.evaluate(faultsOfLayout)), ...(await faultsOfAxe(page, ['color-contrast', 'region']))];
      faults.forEach(fault);
      seen += 1;
    }
  }
}
tell('seen', seen);
await browser.close();
