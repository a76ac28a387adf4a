// Models that read and draw one symbol after another; see zoo/models/_symbols.py and _contexts.py.

class SymbolModel {
  constructor({ layers, rules, window, carried, clock, codec }) {
    this.layers = layers.map((layer) => LAYERS[layer.layer](layer));
    this.lastRecurrent = this.layers.findLastIndex((layer) => layer.sizes.length);
    this.rules = rules && new Rules(rules);
    this.codec = makeCodec(codec);
    Object.assign(this, { window, carried, clock, bar: clock > 1 ? clock : this.codec.stepsPerBeat });
  }

  get beatsInBar() {
    return this.bar / this.codec.stepsPerBeat;
  }

  // What is remembered before the first symbol: the ids the network reads, its states, the rules' state, time in grid
  // steps within the bar, and how many symbols have come in this beat.
  begin() {
    const ids = new Array(this.window).fill(this.codec.size + 1);
    return { ids, states: this.zeros(), bits: this.rules?.first, time: 0, used: 0 };
  }

  zeros() {
    return this.layers.map((layer) => layer.sizes.map((size) => new Float64Array(size)));
  }

  // One id through the layers up to and including the `last`, with states that are changed in place.
  step(id, states, bits, last) {
    let x = id;
    for (let index = 0; index <= last; index++) {
      [x, states[index]] = this.layers[index].step(x, states[index]);
      if (this.rules && !index) x = joined(x, this.rules.seenOf(bits));
    }
    return x;
  }

  // The network's states after what is remembered was read, and, if they are wanted, the logits of what comes next.
  read({ ids, states, bits }, wanted) {
    const next = this.carried ? [...states] : this.zeros();
    const top = this.layers.length - 1;
    let logits;
    ids.forEach((id, index) => {
      const last = index < ids.length - 1 || !wanted ? this.lastRecurrent : top;
      logits = this.step(id, next, bits, last);
    });
    if (!wanted) return { states: next };
    return { states: next, logits: this.rules ? this.rules.apply(logits, bits) : logits };
  }

  // What is remembered after one more symbol, with the states that `read` gave.
  push({ ids, bits, time, used }, states, code) {
    const per = this.codec.stepsPerBeat;
    const then = time + (this.codec.advance[code] ?? 0); // an unknown one takes no time
    const place = then % this.bar;
    const id = this.codec.asInput[code] + (this.clock > 1 ? (this.codec.size + 2) * (place % this.clock) : 0);
    return {
      ids: [...ids.slice(1), id],
      states,
      bits: this.rules ? this.rules.after(bits, code) : bits,
      time: place,
      used: Math.floor(then / per) === Math.floor(time / per) ? used + 1 : 0,
    };
  }

  // What is remembered after codes.
  after(codes) {
    let memory = this.begin();
    for (const code of codes) memory = this.push(memory, this.carried ? this.read(memory, false).states : [], code);
    return { ...memory, used: 0 };
  }

  // One code after another that goes on from `codes`, until so many grid steps are full.
  *goOn({ codes, steps, temperature, random }) {
    let memory = this.after(codes);
    const { advance, mostPerBeat } = this.codec;
    for (let time = 0; time < steps; ) {
      const { states, logits } = this.read(memory, true);
      if (!(logits.length && logits.every(Number.isFinite))) throw new Error("the model gives no probabilities");
      if (memory.used >= mostPerBeat) logits.forEach((_, code) => advance[code] || (logits[code] -= FORBIDDEN));
      const code = drawn(logits, temperature, random);
      yield code;
      time += advance[code];
      memory = this.push(memory, states, code);
    }
  }
}
