// What the line has cost, counted over every window and every visit.

import { addTo, countAnew, counted } from './keep.js';
import { size } from './words.js';

const COUNTERS = ['lost', 'twice', 'zero', 'made'];
const windows = new BroadcastChannel('longhaul counts');
const find = (id) => document.getElementById(id);

async function show() {
  for (const name of COUNTERS) {
    const value = await counted(name);
    find(`truth-${name}`).textContent = name === 'twice' ? size(value) : String(value);
    find(`truth-${name}`).dataset.value = value;
  }
}

async function change(work) {
  await work;
  windows.postMessage(null);
  await show();
}

/** Adds to one of the counters. */
export const count = (name, amount = 1) => change(addTo(name, amount));

/** Shows the counters, and what other windows add to them. */
export function showTruth() {
  windows.addEventListener('message', show);
  find('anew').addEventListener('click', () => change(countAnew()));
  return show();
}
