// The page: two people, each with a token, a line and a socket of their own, in one conversation.

import { Device } from './device.js';
import { forget, kept } from './keep.js';
import { showLine } from './line.js';
import { Live } from './live.js';
import { Network } from './network.js';
import { Talk } from './talk.js';
import { logWire } from './wire.js';

const AWAY_AFTER_MS = 1500;

const INVITATIONS = ['Drop a film here, or choose one', 'What Alice sends appears here'];

const api = new URL('.', document.baseURI);
const demo = await (await fetch(new URL('demo.json', api))).json();
const nameOf = (id) => demo.people.find((person) => person.id === id)?.name ?? id;

const devices = new Map();
const lives = [];
let count = () => {};

for (const [index, person] of demo.people.entries()) {
  const side = index === 0 ? 'left' : 'right';
  const network = new Network();
  if (index === 0) count = showLine(network);
  logWire(network, person.name);
  const live = new Live(network, api, () => ({ token: person.token }));
  const common = { network, live, socket: live, api, token: person.token, conversation: demo.conversation };
  const talk = new Talk(common);
  const device = new Device(document.getElementById(side), person, { ...common, talk }, nameOf, INVITATIONS[index]);
  device.addEventListener('sending', ({ detail }) => countOf(detail, index === 0));
  devices.set(person.id, device);
  lives.push({ live, network });
  document.querySelector(`.who [data-shows=${side}]`).textContent = person.name;
}

/** Only the first person's line is in the user's hand, so only it is counted. */
function countOf(sending, isCounted) {
  if (!isCounted) return;
  sending.addEventListener('twice', ({ detail }) => count('twice', detail));
  sending.addEventListener('zero', () => count('zero'));
  sending.addEventListener('change', () => {
    if (sending.state === 'made') count('made');
  });
}

async function goOnWithWhatWasKept() {
  for (const record of await kept()) {
    const device = devices.get(record.person);
    if (device) device.resume(record);
    else await forget(record.id);
  }
}

function showWhetherTheServerIsAway() {
  const banner = document.getElementById('away');
  let timer = null;
  const look = () => {
    const isAway = lives.every(({ live, network }) => network.isUp ? !live.isUp : true) && lives.some(({ network }) => network.isUp);
    clearTimeout(timer);
    if (isAway) timer = setTimeout(() => (banner.hidden = false), AWAY_AFTER_MS);
    else banner.hidden = true;
  };
  for (const { live, network } of lives) {
    for (const event of ['up', 'down']) live.addEventListener(event, look);
    network.addEventListener('change', look);
  }
  look();
}

function chooseWhoIsShown() {
  const stage = document.querySelector('.stage');
  document.querySelector('.who').addEventListener('click', ({ target }) => {
    if (!target.dataset.shows) return;
    stage.dataset.shown = target.dataset.shows;
    for (const button of target.parentElement.children) {
      button.setAttribute('aria-pressed', String(button === target));
    }
  });
}

chooseWhoIsShown();
showWhetherTheServerIsAway();
await goOnWithWhatWasKept();
