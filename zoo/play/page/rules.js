// What may follow what; see zoo/codecs/rules.py. A state is a Uint8Array of bits.

class Rules {
  constructor(arrays) {
    for (const [name, array] of Object.entries(arrays)) this[name] = array.data;
    this.bits = this.first.length;
    this.size = this.base.length;
  }

  after(state, code) {
    const next = new Uint8Array(this.bits);
    const row = code * this.bits;
    for (let bit = 0; bit < this.bits; bit++) {
      const from = this.moves[code] ? this.source[bit] : bit; // `bits` is a bit that is cleared
      next[bit] = ((from < this.bits ? state[from] : 0) | this.set[row + bit]) & this.keep[row + bit];
    }
    return next;
  }

  seenOf(state) {
    return Float64Array.from(this.seen, (bit) => state[bit]);
  }

  // Takes the forbidden away from logits.
  apply(logits, state) {
    const against = new Int32Array(this.base);
    for (let bit = 0; bit < this.bits; bit++) {
      if (!state[bit]) continue;
      for (let code = 0, at = bit * this.size; code < this.size; code++, at++) against[code] += this.forbid[at];
    }
    return logits.map((logit, code) => (against[code] > 0 ? logit - FORBIDDEN : logit));
  }
}

const FORBIDDEN = 1e9;
