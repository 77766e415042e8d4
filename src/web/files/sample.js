// A film for who has none at hand: some seconds of a train between hills, made by the browser.

const SECONDS = 3;
const SIZE = [480, 360];
const BYTES = 40_000_000;
const TYPES = ['video/webm;codecs=vp8', 'video/mp4'];

/** A film of so many bytes, most of them behind its end. */
export async function makeFilm() {
  const canvas = Object.assign(document.createElement('canvas'), { width: SIZE[0], height: SIZE[1] });
  const type = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
  const recorder = new MediaRecorder(canvas.captureStream(25), { mimeType: type });
  const pieces = [];
  recorder.addEventListener('dataavailable', ({ data }) => pieces.push(data));
  const stopped = new Promise((resolve) => recorder.addEventListener('stop', resolve));
  recorder.start();
  for (let began = performance.now(), passed = 0; passed < SECONDS; passed = (performance.now() - began) / 1000) {
    draw(canvas.getContext('2d'), passed);
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
  recorder.stop();
  await stopped;
  const film = new Blob(pieces);
  if (type !== TYPES[0]) return new File([film], 'train.mp4', { type });
  return new File([film, nothing(BYTES - film.size)], 'train.webm', { type: 'video/webm' });
}

/** An element that players pass over (Void of RFC 8794): an id, a length in eight bytes, and zeros. */
function nothing(length) {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 0xec);
  view.setBigUint64(1, (1n << 56n) | BigInt(length - 9));
  return bytes;
}

function draw(brush, seconds) {
  const [width, height] = SIZE;
  const at = 60 + (seconds / SECONDS) * width;
  const box = (colour, ...place) => Object.assign(brush, { fillStyle: colour }).fillRect(...place);
  box('#cfe6ea', 0, 0, width, height);
  brush.fillStyle = '#8fb9a0';
  for (const [x, radius] of [[90, 130], [290, 170], [470, 120]]) {
    brush.beginPath();
    brush.arc(x - seconds * 12, 270, radius, 0, 2 * Math.PI);
    brush.fill();
  }
  box('#6f8f7b', 0, 260, width, 100);
  box('#3d4644', 0, 282, width, 5);
  for (const wagon of [0, 100]) {
    box('#0b6e5f', at + wagon, 235, 94, 40);
    for (const window of [10, 38, 66]) box('#f6e7b4', at + wagon + window, 243, 18, 13);
  }
}
