// Distributions over one frame of bits; see zoo/layers/nade.py, rbm.py and dbn.py.

const ANNEALED = 0.8; // of the steps of a chain, if it is annealed

class NADE {
  constructor({ W, V, K, pitches }) {
    Object.assign(this, { W, V, K, pitches });
  }

  // A frame, bit after bit, each given those before it.
  draw(before, [b, c, g, a], temperature, random) {
    const { W, V } = this;
    const hidden = c.length;
    const sums = new Float64Array(c);
    const active = sums.map(sigmoid); // changes only where a bit is on
    const frame = new Float64Array(b.length);
    for (let i = 0; i < b.length; i++) {
      let logit = b[i] + (this.K ? this.around(i, frame, g, a) : 0);
      for (let unit = 0, at = i * hidden; unit < hidden; unit++, at++) logit += active[unit] * V.data[at];
      frame[i] = bit(logit, temperature, random);
      if (!frame[i]) continue;
      for (let unit = 0, at = i * hidden; unit < hidden; unit++, at++) {
        sums[unit] += W.data[at];
        active[unit] = sigmoid(sums[unit]);
      }
    }
    return frame;
  }

  // What the units at the pitch of bit i add to its logit; the frame is 0 from that bit on.
  around(i, frame, g, a) {
    const { K, pitches } = this;
    const [intervals, channels, , units] = K.shape;
    const reach = (intervals - 1) / 2;
    const channel = Math.floor(i / pitches);
    const pitch = i % pitches;
    const sums = a.slice(pitch * units, (pitch + 1) * units);
    for (let other = 0; other <= channel; other++) {
      for (let from = Math.max(0, pitch - reach); from < Math.min(pitches, pitch + reach + 1); from++) {
        if (!frame[other * pitches + from]) continue;
        const at = (((from - pitch + reach) * channels + other) * channels + channel) * units;
        for (let unit = 0; unit < units; unit++) sums[unit] += K.data[at + unit];
      }
    }
    let logit = 0;
    for (let unit = 0; unit < units; unit++) logit += g[channel * units + unit] * Math.max(sums[unit], 0);
    return logit;
  }
}

class RBM {
  constructor({ W, base, steps, start }) {
    Object.assign(this, { W, W_T: transposed(W), base: base.data, steps, start });
  }

  draw(before, [b_v, b_h, around], temperature, random) {
    const start = this.start === "previous" ? before : before.map(() => 0);
    return this.chain(start, around ? b_v.map((bias, i) => bias + around[i]) : b_v, b_h, temperature, random);
  }

  // The end of a Gibbs chain from v; where it is annealed, see RBM.chain in zoo/layers/rbm.py. Few units change in a
  // step, so sums are kept, and only what changes is added to them.
  chain(v, b_v, b_h, temperature, random) {
    const end = new Float64Array(v);
    const h = new Float64Array(b_h.length);
    const of_h = addProduct(new Float64Array(b_h), v, this.W);
    const of_v = new Float64Array(b_v);
    const change_h = new Float64Array(h.length);
    const change_v = new Float64Array(end.length);
    for (let step = 0; step < this.steps; step++) {
      const share = this.start === "annealed" ? Math.min((step + 1) / (ANNEALED * this.steps), 1) : 1;
      for (let unit = 0; unit < h.length; unit++) {
        const on = bit(share * of_h[unit], temperature, random);
        change_h[unit] = on - h[unit];
        h[unit] = on;
      }
      addProduct(of_v, change_h, this.W_T);
      for (let i = 0; i < end.length; i++) {
        const on = bit(share * of_v[i] + (1 - share) * this.base[i], temperature, random);
        change_v[i] = on - end[i];
        end[i] = on;
      }
      addProduct(of_h, change_v, this.W);
    }
    return end;
  }
}

class DBN {
  constructor({ W, G, upper, start }) {
    Object.assign(this, { W, G_T: transposed(G), upper: new RBM(upper), start });
  }

  draw(before, [b_v, b_q, b_1, b_2, around], temperature, random) {
    if (around) {
      b_v = b_v.map((bias, i) => bias + around[i]);
      b_2 = b_2.map((bias, i) => bias + (around[i] ?? 0));
    }
    const start = this.start === "previous" ? before : before.map(() => 0);
    let h = addProduct(new Float64Array(b_q), start, this.W).map((logit) => bit(logit, temperature, random));
    h = this.upper.chain(h, b_1, b_2, temperature, random);
    return addProduct(new Float64Array(b_v), h, this.G_T).map((logit) => bit(logit, temperature, random));
  }
}

const DISTRIBUTIONS = { nade: NADE, rbm: RBM, dbn: DBN };

function transposed({ data, shape: [rows, columns] }) {
  const turned = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) turned[j * rows + i] = data[i * columns + j];
  return { data: turned, shape: [columns, rows] };
}
