// Uniform numbers by a seed: the n-th is a hash of the seed and of n, as in zoo/layers/hashed.py.

// A bijection of 32-bit numbers after which near ones lie anywhere: lowbias32 (C. Wellons, 2018).
function mixed(x) {
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return x ^ (x >>> 16);
}

// A function that gives one uniform number in [0, 1) after another, multiples of 2⁻²⁴.
function seeded(seed) {
  const key = mixed(seed + 0x9e3779b9);
  let count = 0;
  return () => (mixed(key ^ mixed(count++)) >>> 8) * 2 ** -24;
}

// A place among logits, drawn from softmax(logits ÷ temperature); at temperature 0 the largest.
function drawn(logits, temperature, random) {
  const uniform = random();
  let largest = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i] > logits[largest]) largest = i;
  if (!(temperature > 0)) return largest;
  const shares = Float64Array.from(logits, (logit) => Math.exp((logit - logits[largest]) / temperature));
  let left = uniform * shares.reduce((sum, share) => sum + share, 0);
  for (let i = 0; i < shares.length; i++) {
    left -= shares[i];
    if (left < 0) return i;
  }
  return largest;
}

// 1 with probability sigmoid(logit ÷ temperature), else 0. Most often it is clear without the sigmoid: sigmoid(3) > 0.95.
function bit(logit, temperature, random) {
  const x = logit / Math.max(temperature, 1e-6);
  const uniform = random();
  if (x < -3 && uniform >= 0.05) return 0;
  if (x > 3 && uniform <= 0.95) return 1;
  return uniform < sigmoid(x) ? 1 : 0;
}
