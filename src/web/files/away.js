// Says that the server is away, once it has been for a moment.

const AFTER_MS = 1000;

/** @param {{live: Live, network: Network}[]} lines a line that is cut says nothing of the server */
export function showAway(lines) {
  let timer = null;
  const look = () => {
    const whole = lines.filter(({ network }) => network.isUp);
    const isAway = whole.length > 0 && whole.every(({ live }) => !live.isUp);
    clearTimeout(timer);
    if (isAway) timer = setTimeout(() => show(true), AFTER_MS);
    else show(false);
  };
  for (const { live, network } of lines) {
    for (const event of ['up', 'down']) live.addEventListener(event, look);
    network.addEventListener('change', look);
  }
  look();
}

function show(isAway) {
  document.getElementById('away').hidden = !isAway;
  document.getElementById('line').classList.toggle('is-away', isAway);
}
