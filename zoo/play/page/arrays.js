// What zoo/play/arrays.py packs, unpacked: JSON whose leaves are {data, shape}.

const TYPES = { float32: Float32Array, int8: Int8Array, uint8: Uint8Array, int32: Int32Array };

async function unpack(base64) {
  const packed = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const buffer = await new Response(stream).arrayBuffer();
  const length = new DataView(buffer).getUint32(0, true);
  const text = new TextDecoder().decode(new Uint8Array(buffer, 4, length));

  function read({ array: [type, first, shape], scale }) {
    const count = shape.reduce((product, size) => product * size, 1);
    const data = new TYPES[type](buffer, 4 + length + first, count);
    return { data: scale ? multiplied(data, read(scale).data) : data, shape };
  }
  return revived(JSON.parse(text), read);
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
