// The switch between the two phones. The line is one, in every window of this browser, and stays as it was left.

const find = (id) => document.getElementById(id);
const KEY = 'line';

/** Ties the switch and the modes to a network. */
export function showLine(network) {
  const show = () => {
    find('line').dataset.mode = network.isUp ? network.mode : 'tunnel';
    find('plug').setAttribute('aria-checked', String(!network.isUp));
    const state = network.isUp ? 'Connected' : 'In a tunnel: nothing gets through';
    // What is said once is not read out twice.
    if (find('line-state').textContent !== state) find('line-state').textContent = state;
    for (const choice of find('modes').elements) choice.checked = choice.value === network.mode;
  };
  const keep = () => localStorage.setItem(KEY, JSON.stringify({ isCut: !network.isUp, mode: network.mode }));
  const asItWasLeft = () => {
    const { isCut, mode } = JSON.parse(localStorage.getItem(KEY)) ?? {};
    network.mode = mode ?? network.mode;
    network.tunnel = isCut ?? false;
  };
  find('plug').addEventListener('click', () => {
    network.tunnel = network.isUp;
    keep();
  });
  find('modes').addEventListener('change', ({ target }) => {
    network.mode = target.value;
    keep();
  });
  addEventListener('storage', ({ key }) => key === KEY && asItWasLeft());
  network.addEventListener('change', show);
  asItWasLeft();
  show();
}

/** Shows whether anything moves on it. */
export const showFlow = (flows) => find('line').classList.toggle('flows', flows);
