// Models that read and draw one frame of a piano roll after another; see zoo/layers/conditioned.py.

class FrameModel {
  constructor({ layers, u0, W_u, biases, context, distribution, codec }) {
    this.layers = layers.map((layer) => LAYERS[layer.layer](layer));
    this.codec = makeCodec(codec);
    this.context = context && new PitchContext(context);
    this.own = joined(...biases.map((bias) => bias.data));
    this.ends = biases.map((bias) => bias.data.length);
    this.distribution = new DISTRIBUTIONS[distribution.kind](distribution);
    Object.assign(this, { u0: u0.data, W_u, beatsInBar: 1 }); // it knows of no bars
  }

  // What is remembered before the first frame: the recurrent states, and the frames that are looked back at.
  begin() {
    let first = 0;
    const states = this.layers.map(({ sizes }) => {
      const start = new Float64Array(this.u0.subarray(first, (first += sizes[0])));
      return [start, ...sizes.slice(1).map((size) => new Float64Array(size))];
    });
    const length = this.context ? this.context.memory : 1;
    return { states, past: Array.from({ length }, () => new Float64Array(this.codec.bits)) };
  }

  // What is remembered after one more frame.
  push({ states, past }, frame) {
    let x = new Float64Array(frame);
    const before = [...past.slice(1), x];
    const next = this.layers.map((layer, index) => {
      const [output, after] = layer.step(x, states[index]);
      x = output;
      return after;
    });
    return { states: next, past: before };
  }

  // The parameters of the next frame's distribution: its biases, then what comes from the units at every pitch.
  parameters({ states, past }) {
    const u = joined(...states.map(([output]) => output));
    const biases = addProduct(new Float64Array(this.own), u, this.W_u);
    let at = 0;
    const parts = this.ends.map((length) => biases.subarray(at, (at += length)));
    return this.context ? [...parts, this.context.of(past, u)] : parts;
  }

  // One frame after another that goes on from the frames `codes`, until so many grid steps are full.
  *goOn({ codes, steps, temperature, random }) {
    let memory = codes.reduce((before, frame) => this.push(before, frame), this.begin());
    for (let time = 0; time < steps; time += this.codec.stepsPerFrame) {
      const frame = this.distribution.draw(memory.past.at(-1), this.parameters(memory), temperature, random);
      if (!frame.every(Number.isFinite)) throw new Error("the model gives no probabilities");
      yield Uint8Array.from(frame);
      memory = this.push(memory, frame);
    }
  }
}

// The units at every pitch, by the last frames and the recurrent state; see zoo/layers/relative.py.
class PitchContext {
  constructor({ S, W, d, A, pitches }) {
    Object.assign(this, { S, W, d, A, pitches });
    [this.memory, this.intervals, this.channels, this.units] = S.shape;
    this.reach = (this.intervals - 1) / 2;
  }

  // (pitches × units), or with A (channels × pitches).
  of(past, u) {
    const { S, A, pitches, memory, intervals, channels, units, reach } = this;
    const shared = addProduct(new Float64Array(this.d.data), u, this.W);
    const context = new Float64Array(pitches * units);
    for (let pitch = 0; pitch < pitches; pitch++) context.set(shared, pitch * units);
    for (let frame = 0; frame < memory; frame++) {
      for (let bit = 0; bit < past[frame].length; bit++) {
        if (!past[frame][bit]) continue;
        const channel = Math.floor(bit / pitches);
        const from = bit % pitches;
        for (let pitch = Math.max(0, from - reach); pitch < Math.min(pitches, from + reach + 1); pitch++) {
          const interval = from - pitch + reach;
          const at = ((frame * intervals + interval) * channels + channel) * units;
          for (let unit = 0; unit < units; unit++) context[pitch * units + unit] += S.data[at + unit];
        }
      }
    }
    if (!A) return context;
    const biases = new Float64Array(channels * pitches);
    for (let pitch = 0; pitch < pitches; pitch++) {
      const active = context.subarray(pitch * units, (pitch + 1) * units).map(ACTIVATIONS.relu);
      const ofPitch = addProduct(new Float64Array(channels), active, A);
      ofPitch.forEach((bias, channel) => (biases[channel * pitches + pitch] = bias));
    }
    return biases;
  }
}
