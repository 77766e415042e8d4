// Finds faults in the looks of a page, and names them in words.

import fs from 'node:fs';
import { createRequire } from 'node:module';

const axe = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const RULES = ['color-contrast', 'button-name', 'label', 'region'];

/**
 * Everything that axe-core can find, which has to look at something by each of the rules. It comes through the debugger,
 * past which the page's policy stays as it is.
 */
export async function faultsOfAxe(page, rules = RULES) {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe);
  const violations = await page.evaluate(async (rules) => {
    const { violations, passes } = await axe.run(document);
    const looked = passes.map(({ id }) => id);
    const idle = rules.filter((id) => !looked.includes(id));
    const without = idle.map((id) => ({ id, help: 'it looked at nothing', nodes: [] }));
    return [...without, ...violations].map(({ id, help, nodes }) => ({ id, help, nodes: nodes.map(({ html }) => html.slice(0, 120)) }));
  }, rules);
  return violations.map(({ id, help, nodes }) => `axe ${id}: ${help}: ${nodes.join(' | ')}`);
}

/** In the page: what lies outside of it, over something else, or is cut off. */
export function faultsOfLayout() {
  const faults = [];
  const isShown = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !element.closest('.unseen, .spark');
  const nameOf = (element) => `${element.localName}.${element.className} "${element.textContent.trim().slice(0, 30)}"`;
  const { clientWidth, scrollWidth } = document.documentElement;
  if (scrollWidth > clientWidth) faults.push(`it scrolls sideways: ${scrollWidth} in ${clientWidth}`);
  const isStill = matchMedia('(prefers-reduced-motion: reduce)').matches;
  const moves = document.getAnimations().some((one) => one instanceof CSSAnimation);
  if (isStill && moves) faults.push('it moves, where that is not wanted');
  const leaves = [...document.querySelectorAll('h1, h2, p, button, label, dt, dd, legend, summary, select, progress, .face')].filter(isShown);
  for (const leaf of leaves) {
    const box = leaf.getBoundingClientRect();
    if (box.left < -0.5 || box.right > clientWidth + 0.5) faults.push(`${nameOf(leaf)} is outside`);
    const { overflowX } = getComputedStyle(leaf);
    if (overflowX === 'visible' && leaf.scrollWidth > leaf.clientWidth + 1 && leaf.clientWidth > 0) faults.push(`${nameOf(leaf)} is cut off or sticks out`);
  }
  const places = leaves.map((leaf) => ({ leaf, box: leaf.getBoundingClientRect(), frame: leaf.closest('.talk, .tray, .wire-scroll') }));
  for (const [at, one] of places.entries()) {
    for (const other of places.slice(at + 1)) {
      if (one.frame !== other.frame || one.leaf.contains(other.leaf) || other.leaf.contains(one.leaf)) continue;
      const width = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
      const height = Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top);
      if (width > 1 && height > 1) faults.push(`${nameOf(one.leaf)} lies over ${nameOf(other.leaf)}`);
    }
  }
  return faults;
}
