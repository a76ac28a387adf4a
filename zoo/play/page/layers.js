// Layers, a step at a time. Weights are {data, shape}, the last axis fastest; everything else is a Float64Array.

const ACTIVATIONS = { linear: (x) => x, relu: (x) => Math.max(x, 0), sigmoid, tanh: Math.tanh };

function sigmoid(x) {
  return 1 / (1 + Math.exp(-x));
}

// y += x W, where x may be mostly zeros. Four rows of W at a time, for each y is then read and written less often.
function addProduct(y, x, { data }) {
  const columns = y.length;
  const rows = [];
  for (let i = 0; i < x.length; i++) if (x[i] !== 0) rows.push(i);
  let next = 0;
  for (; next + 4 <= rows.length; next += 4) {
    const [i, j, k, l] = [rows[next], rows[next + 1], rows[next + 2], rows[next + 3]];
    const [a, b, c, d] = [x[i], x[j], x[k], x[l]];
    const [p, q, r, s] = [i * columns, j * columns, k * columns, l * columns];
    for (let n = 0; n < columns; n++)
      y[n] += a * data[p + n] + b * data[q + n] + c * data[r + n] + d * data[s + n];
  }
  for (; next < rows.length; next++) {
    const value = x[rows[next]];
    for (let n = 0, at = rows[next] * columns; n < columns; n++, at++) y[n] += value * data[at];
  }
  return y;
}

// x W + b.
function affine(x, W, b) {
  return addProduct(new Float64Array(b.data), x, W);
}

function joined(...parts) {
  const whole = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

// Each layer: `sizes` of its states, and `step` from (input, states) to [output, states].
const LAYERS = {
  // An id, which is a symbol and a place in the bar, as features; see SymbolClock in zoo/layers/symbols.py.
  input({ form, size, clock, table }) {
    const symbols = size + 2;
    const width = { embedding: table?.shape[1], scalar: 1, "one-hot": symbols }[form];
    return {
      sizes: [],
      step(id) {
        const features = new Float64Array(width + (clock > 1 ? clock : 0));
        const symbol = id % symbols;
        if (form === "embedding") features.set(table.data.subarray(symbol * width, (symbol + 1) * width));
        else if (form === "scalar") features[0] = symbol / size;
        else features[symbol] = 1;
        if (clock > 1) features[width + Math.floor(id / symbols)] = 1;
        return [features, []];
      },
    };
  },

  dense: ({ kernel, bias, activation }) => ({
    sizes: [],
    step: (x) => [affine(x, kernel, bias).map(ACTIVATIONS[activation]), []],
  }),

  scale: ({ scale, shift }) => ({
    sizes: [],
    step: (x) => [x.map((value, i) => value * scale.data[i] + shift.data[i]), []],
  }),

  rnn: ({ kernel, recurrent, bias }) => ({
    sizes: [recurrent.shape[0]],
    step(x, [h]) {
      const next = addProduct(affine(x, kernel, bias), h, recurrent).map(Math.tanh);
      return [next, [next]];
    },
  }),

  lstm({ kernel, recurrent, bias }) {
    const units = recurrent.shape[0];
    return {
      sizes: [units, units],
      step(x, [h, c]) {
        const gates = addProduct(affine(x, kernel, bias), h, recurrent); // input, forget, cell, output
        const nextH = new Float64Array(units);
        const nextC = new Float64Array(units);
        for (let i = 0; i < units; i++) {
          const fresh = sigmoid(gates[i]) * Math.tanh(gates[2 * units + i]);
          nextC[i] = sigmoid(gates[units + i]) * c[i] + fresh;
          nextH[i] = sigmoid(gates[3 * units + i]) * Math.tanh(nextC[i]);
        }
        return [nextH, [nextH, nextC]];
      },
    };
  },

  gru({ kernel, recurrent, bias }) {
    const units = recurrent.shape[0];
    const biases = [0, 1].map((row) => ({ data: bias.data.subarray(row * 3 * units, (row + 1) * 3 * units) }));
    return {
      sizes: [units],
      step(x, [h]) {
        const ofInput = affine(x, kernel, biases[0]); // update, reset, candidate
        const ofState = affine(h, recurrent, biases[1]);
        const next = new Float64Array(units);
        for (let i = 0; i < units; i++) {
          const update = sigmoid(ofInput[i] + ofState[i]);
          const reset = sigmoid(ofInput[units + i] + ofState[units + i]);
          const candidate = Math.tanh(ofInput[2 * units + i] + reset * ofState[2 * units + i]);
          next[i] = update * h[i] + (1 - update) * candidate;
        }
        return [next, [next]];
      },
    };
  },
};
