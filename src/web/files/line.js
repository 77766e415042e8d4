// The switch between the two phones, and what the line has cost.

import { size } from './words.js';

const find = (id) => document.getElementById(id);

/** Ties the switch, the modes and the counters to a network. */
export function showLine(network) {
  const line = find('line');
  const plug = find('plug');
  const show = () => {
    line.dataset.mode = network.isUp ? network.mode : 'tunnel';
    plug.setAttribute('aria-checked', String(!network.isUp));
    find('line-state').textContent = network.isUp ? 'Connected' : 'In a tunnel: nothing gets through';
  };
  plug.addEventListener('click', () => (network.tunnel = network.isUp));
  line.addEventListener('change', ({ target }) => {
    if (target.name === 'mode') network.mode = target.value;
  });
  network.addEventListener('change', show);
  show();
  return truth(network);
}

/** The counters; answers what adds to them. */
function truth(network) {
  const counts = { lost: 0, twice: 0, zero: 0, made: 0 };
  const add = (name, amount = 1) => {
    counts[name] += amount;
    find(`truth-${name}`).textContent = name === 'twice' ? size(counts[name]) : String(counts[name]);
  };
  network.addEventListener('lost', () => add('lost'));
  return add;
}
