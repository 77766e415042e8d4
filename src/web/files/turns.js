// A browser has six connections to a server. Many files take turns, so that there is one left for everything else.

const MOST_AT_ONCE = 3;
const waiting = [];
let running = 0;

/** Does the work once it is its turn, unless it is given up before. */
export async function inTurn(signal, work) {
  while (running >= MOST_AT_ONCE) {
    await untilCalled(signal);
    if (signal.aborted) waiting.shift()?.();
    signal.throwIfAborted();
  }
  running += 1;
  try {
    return await work();
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}

function untilCalled(signal) {
  return new Promise((resolve) => {
    waiting.push(resolve);
    signal.addEventListener('abort', () => {
      const at = waiting.indexOf(resolve);
      if (at >= 0) waiting.splice(at, 1);
      resolve();
    });
  });
}
