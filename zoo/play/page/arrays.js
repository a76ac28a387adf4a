// What zoo/play/arrays.py packs, unpacked: JSON whose leaves are {data, shape}.

const TYPES = { float32: Float32Array, int8: Int8Array, uint8: Uint8Array, int32: Int32Array };

const BASE_85 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%.()*+-;,=:?@^_[]|}~";

// Base 85, five letters for four bytes; the last group may be shorter.
function bytesOf(text) {
  const values = Object.fromEntries([...BASE_85].map((letter, value) => [letter, value]));
  const missing = (5 - (text.length % 5)) % 5;
  const padded = text + BASE_85[84].repeat(missing);
  const bytes = new DataView(new ArrayBuffer((padded.length / 5) * 4));
  for (let group = 0; group < padded.length / 5; group++) {
    let number = 0;
    for (let i = 0; i < 5; i++) number = number * 85 + values[padded[5 * group + i]];
    bytes.setUint32(4 * group, number); // modulo 2³², which padding may pass
  }
  return new Uint8Array(bytes.buffer, 0, bytes.byteLength - missing);
}

async function unpack(text) {
  const stream = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("deflate"));
  const buffer = await new Response(stream).arrayBuffer();
  const length = new DataView(buffer).getUint32(0, true);
  const json = new TextDecoder().decode(new Uint8Array(buffer, 4, length));

  function read({ array: [type, first, shape], scale }) {
    const count = shape.reduce((product, size) => product * size, 1);
    const data = new TYPES[type](buffer, 4 + length + first, count);
    return { data: scale ? multiplied(data, read(scale).data) : data, shape };
  }
  return revived(JSON.parse(json), read);
}

// Arrays in place of what stands for them.
function revived(value, read) {
  if (Array.isArray(value)) return value.map((each) => revived(each, read));
  if (value === null || typeof value !== "object") return value;
  if ("array" in value) return read(value);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, revived(each, read)]));
}

// Whole numbers (…, columns) times the scale of each column.
function multiplied(whole, scales) {
  const weights = new Float32Array(whole.length);
  for (let i = 0; i < whole.length; i++) weights[i] = whole[i] * scales[i % scales.length];
  return weights;
}
