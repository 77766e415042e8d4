// The page: two people, each with a token, a line and a socket of their own, in one conversation.

import { showAway } from './away.js';
import { Device } from './device.js';
import { showFlow, showLine } from './line.js';
import { Live } from './live.js';
import { Network } from './network.js';
import { makeFilm } from './sample.js';
import { Talk } from './talk.js';
import { count, showTruth } from './truth.js';
import { findOthers, standBy } from './windows.js';
import { logWire } from './wire.js';

const INVITATIONS = ['Drop a film here, or choose one', 'What Alice sends appears here'];
const SIDES = ['left', 'right'];
const AGAIN_MS = 1000;

const api = new URL('.', document.baseURI);
const demo = await people();
const nameOf = (id) => demo.people.find((person) => person.id === id)?.name ?? id;
const stage = document.querySelector('.stage');
const devices = new Map(demo.people.map((person, index) => [person.id, deviceOf(person, index)]));

showAway([...devices.values()].map((device) => device.to));
chooseWhoIsShown();
takeWhatIsDroppedOrPasted();
await showTruth();
await standBy(devices);

/** They are there as soon as the server is. */
async function people() {
  for (;;) {
    const answer = await fetch(new URL('demo.json', api)).catch(() => null);
    if (answer?.ok) return answer.json();
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

function deviceOf(person, index) {
  const network = new Network();
  logWire(network, person.name);
  const live = new Live(network, api, () => ({ token: person.token, after: to.talk.last }));
  const to = { network, live, api, conversation: demo.conversation, get token() { return person.token; } };
  to.talk = new Talk(to);
  const device = new Device(document.getElementById(SIDES[index]), person, to, nameOf, INVITATIONS[index]);
  if (index === 0) putInTheUsersHand(network, device);
  // A server whose data was thrown away knows the same people by other tokens.
  live.addEventListener('refused', async () => {
    const now = await people();
    demo.people.forEach((person, index) => (person.token = now.people[index].token));
  });
  live.addEventListener('up', () => findOthers(device), { once: true });
  device.addEventListener('news', () => {
    const isHidden = stage.dataset.shown !== SIDES[index];
    document.querySelector(`.who [data-shows=${SIDES[index]}]`).classList.toggle('news', isHidden);
  });
  document.querySelector(`.who [data-shows=${SIDES[index]}]`).prepend(person.name);
  return device;
}

/** The first person's line can be cut, and what that costs is counted. */
function putInTheUsersHand(network, device) {
  showLine(network);
  document.getElementById('make').addEventListener('click', async ({ target }) => {
    const { textContent } = target;
    Object.assign(target, { disabled: true, textContent: 'Making one, of three seconds …' });
    device.take([await makeFilm()]);
    Object.assign(target, { disabled: false, textContent });
  });
  network.addEventListener('lost', () => count('lost'));
  device.addEventListener('sending', ({ detail: sending }) => {
    sending.addEventListener('twice', ({ detail }) => detail > 0 && count('twice', detail));
    sending.addEventListener('zero', () => count('zero'));
    sending.addEventListener('change', () => showFlow(device.flows));
    sending.over.then(() => sending.state === 'made' && count('made'));
  });
}

function chooseWhoIsShown() {
  document.querySelector('.who').addEventListener('click', ({ target }) => {
    const chosen = target.closest('[data-shows]');
    if (!chosen) return;
    stage.dataset.shown = chosen.dataset.shows;
    chosen.classList.remove('news');
    for (const button of chosen.parentElement.children) button.ariaPressed = String(button === chosen);
  });
}

/** What is dropped or pasted beside the phones is sent from the one that is shown, and opened by no browser. */
function takeWhatIsDroppedOrPasted() {
  const elementOf = ({ target }) => target.closest?.('.device') ?? document.getElementById(stage.dataset.shown);
  const take = (event, files) => {
    if (files.length === 0) return;
    event.preventDefault();
    [...devices.values()][SIDES.indexOf(elementOf(event).id)].take([...files]);
  };
  const mark = (over) => SIDES.forEach((side) => {
    const element = document.getElementById(side);
    element.classList.toggle('is-over', element === over);
  });
  document.addEventListener('paste', (event) => take(event, event.clipboardData.files));
  document.addEventListener('dragover', (event) => {
    if (!event.dataTransfer.types.includes('Files')) return;
    event.preventDefault();
    mark(elementOf(event));
  });
  document.addEventListener('dragleave', ({ relatedTarget }) => relatedTarget ?? mark(null));
  document.addEventListener('drop', (event) => {
    mark(null);
    take(event, event.dataTransfer.files);
  });
}
