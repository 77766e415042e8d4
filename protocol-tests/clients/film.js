// Makes a film without any program: a WebM file with one VP8 key frame a second, as a lossy WebP picture contains it,
// and with cues, so that players can seek in it. Its first half is dark, its second one bright.

const WIDTH = 640;
const HEIGHT = 480;

const text = (string) => new TextEncoder().encode(string);
const joined = async (...parts) => new Uint8Array(await new Blob(parts.flat(Infinity)).arrayBuffer());
const lengthOf = (part) => (Array.isArray(part) ? part.reduce((sum, one) => sum + lengthOf(one), 0) : part.length);

// Numbers always have eight bytes, so that no position depends on a value.
function number(value, bytes = 8) {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(value));
  return new Uint8Array(view.buffer).slice(8 - bytes);
}

function float(value) {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return new Uint8Array(view.buffer);
}

// An element of RFC 8794: its id, its size in eight bytes, and its content.
function element(id, ...content) {
  const name = id.match(/../g).map((digits) => parseInt(digits, 16));
  return [Uint8Array.from([...name, 0x01]), number(lengthOf(content), 7), content];
}

const HEADER = element(
  '1a45dfa3',
  element('4286', number(1)),
  element('42f7', number(1)),
  element('42f2', number(4)),
  element('42f3', number(8)),
  element('4282', text('webm')),
  element('4287', number(2)),
  element('4285', number(2)),
);

const infoOf = (secs) =>
  element('1549a966', element('2ad7b1', number(1_000_000)), element('4489', float(secs * 1000)), element('4d80', text('test')), element('5741', text('test')));

const TRACKS = element(
  '1654ae6b',
  element(
    'ae',
    element('d7', number(1)),
    element('73c5', number(1)),
    element('83', number(1)),
    element('86', text('V_VP8')),
    element('e0', element('b0', number(WIDTH)), element('ba', number(HEIGHT))),
  ),
);

const cuesOf = (places) =>
  element('1c53bb6b', ...places.map((place, sec) => element('bb', element('b3', number(sec * 1000)), element('b7', element('f7', number(1)), element('f1', number(place))))));

const clusterOf = (sec, frame) => element('1f43b675', element('e7', number(sec * 1000)), element('a3', Uint8Array.of(0x81, 0, 0, 0x80), frame));

// Noise makes frames large: a film must be large enough for players to seek in it instead of loading it.
export async function picture(brightness, type, width = WIDTH, height = HEIGHT) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { alpha: false });
  const image = context.createImageData(width, height);
  for (let at = 0; at < image.data.length; at += 1) image.data[at] = at % 4 === 3 ? 255 : brightness + Math.random() * 60;
  context.putImageData(image, 0, 0);
  return canvas.convertToBlob({ type, quality: 0.95 });
}

/** Of lossy WebP pictures, which need no more than their VP8 frames. */
function frameOf(webp) {
  const view = new DataView(webp.buffer, webp.byteOffset, webp.byteLength);
  for (let at = 12; at < webp.length; at += 8 + view.getUint32(at + 4, true)) {
    if (new TextDecoder().decode(webp.slice(at, at + 4)) === 'VP8 ') return webp.slice(at + 8, at + 8 + view.getUint32(at + 4, true));
  }
  throw new Error('the picture is not lossy');
}

async function webp(brightness) {
  return new Uint8Array(await (await picture(brightness, 'image/webp')).arrayBuffer());
}

/** The bytes of a film of so many seconds, its first half the one picture and its second the other. */
export async function bytesOf(secs, pictures) {
  const [dark, bright] = pictures.map(frameOf);
  const clusters = Array.from({ length: secs }, (_, sec) => clusterOf(sec, sec < secs / 2 ? dark : bright));
  const info = infoOf(secs);
  // The length of the cues does not depend on the positions in them.
  let place = lengthOf([info, TRACKS, cuesOf(clusters.map(() => 0))]);
  const places = clusters.map((cluster) => {
    const own = place;
    place += lengthOf(cluster);
    return own;
  });
  return joined(HEADER, element('18538067', info, TRACKS, cuesOf(places), clusters));
}

export async function film(secs) {
  return new Blob([await bytesOf(secs, [await webp(10), await webp(180)])], { type: 'video/webm' });
}
