// Representations: notes on a grid ↔ codes, one class for each of zoo/codecs/. `encode` reads what `onGrid` gives,
// `decode` gives notes on the grid, `end` the grid step at which codes end.

class Codec {
  constructor(spec) {
    this.stepsPerBeat = spec.steps_per_beat;
    this.longestNote = spec.longest_note ?? 0;
    this.spec = spec;
  }

  // Notes in ticks → codes.
  encoded(notes, length) {
    return this.encode(onGrid(notes, length, this.stepsPerBeat));
  }

  // Codes → notes in ticks, in a piece of so many grid steps.
  decoded(codes, steps) {
    return fromGrid(this.decode(codes), steps, this.stepsPerBeat, this.longestNote);
  }
}

class SymbolCodec extends Codec {
  constructor(spec) {
    super(spec);
    this.symbols = spec.symbols;
    this.size = spec.symbols.length;
    this.mostPerBeat = spec.most_per_beat;
    this.advance = spec.advance.data;
    this.asInput = spec.as_input.data;
    this.codeOf = new Map(spec.symbols.map((symbol, code) => [String(symbol), code]));
  }

  end(codes) {
    return codes.reduce((time, code) => time + (this.advance[code] ?? 0), 0);
  }

  encode(grid) {
    return this.symbolsOf(grid).map((symbol) => this.codeOf.get(String(symbol)) ?? this.size);
  }

  unknown(codes) {
    return codes.filter((code) => code >= this.size).length;
  }

  known(codes) {
    return codes.filter((code) => code < this.size).map((code) => this.symbols[code]);
  }
}

const REST = 128;
const HOLD = 129;

// One line, the highest note that sounds.
class MelodyCodec extends SymbolCodec {
  encode({ notes, steps }) {
    const owner = new Array(steps).fill(-1);
    const order = notes.map((_, index) => index).sort((one, other) => notes[one].pitch - notes[other].pitch || one - other);
    for (const index of order) owner.fill(index, notes[index].start, notes[index].end);
    return owner.map((index, step) => {
      if (index < 0) return REST;
      return this.spec.hold && step && owner[step - 1] === index ? HOLD : notes[index].pitch;
    });
  }

  decode(codes) {
    const notes = [];
    codes.forEach((code, step) => {
      const goesOn = step && (this.spec.hold ? code === HOLD : code === codes[step - 1]);
      if (!goesOn) notes.push({ start: step, end: step + 1, pitch: code });
      else notes.at(-1).end = step + 1;
    });
    return notes.filter((note) => note.pitch < REST); // a hold with nothing to hold is a rest
  }
}

// Turns strikes and releases into notes; what is struck again, or held at the end, is released.
class Keyboard {
  now = 0;
  notes = [];
  sounding = new Map();

  play(kind, pitch, velocity) {
    this.release(pitch);
    if (kind === "no") this.sounding.set(pitch, { start: this.now, pitch, velocity });
  }

  release(pitch) {
    const note = this.sounding.get(pitch);
    if (!note) return;
    this.sounding.delete(pitch);
    this.notes.push({ ...note, end: this.now });
  }

  finished() {
    this.now = Infinity; // a piece of so many steps cuts it off
    for (const pitch of [...this.sounding.keys()]) this.release(pitch);
    return this.notes;
  }
}

class OnsAndOffs extends SymbolCodec {
  // [steps since the event before, "no" or "nf", pitch, bin of velocity]: offs first, each from low to high.
  events({ notes }) {
    const bins = this.spec.velocity_bins;
    const events = [
      ...notes.map(({ end, pitch }) => [end, "nf", pitch, 0]),
      ...notes.map(({ start, pitch, velocity }) => [start, "no", pitch, Math.floor((velocity * bins) / 128)]),
    ];
    events.sort((one, other) => one[0] - other[0] || one[1].localeCompare(other[1]) || one[2] - other[2]);
    return events.map(([time, ...rest], index) => [time - (index ? events[index - 1][0] : 0), ...rest]);
  }

  velocityOf(bin) {
    const bins = this.spec.velocity_bins;
    return Math.floor(((2 * bin + 1) * 128 + bins) / (2 * bins));
  }
}

class EventCodec extends OnsAndOffs {
  symbolsOf(grid) {
    return this.events(grid);
  }

  decode(codes) {
    const keyboard = new Keyboard();
    for (const [delta, kind, pitch, bin] of this.known(codes)) {
      keyboard.now += delta;
      keyboard.play(kind, pitch, this.velocityOf(bin));
    }
    return keyboard.finished();
  }
}

class PerformanceCodec extends OnsAndOffs {
  symbolsOf(grid) {
    const symbols = [];
    let loudness = null;
    for (const [delta, kind, pitch, bin] of this.events(grid)) {
      symbols.push(...sum("s", delta, this.longest));
      if (kind === "no" && this.spec.velocity_bins > 1 && bin !== loudness) symbols.push(["v", (loudness = bin)]);
      symbols.push([kind, pitch]);
    }
    if (!symbols.length) return symbols;
    return [...symbols, ...sum("s", grid.steps - Math.max(...grid.notes.map((note) => note.end)), this.longest)];
  }

  get longest() {
    return this.spec.longest_shift * this.stepsPerBeat;
  }

  decode(codes) {
    const keyboard = new Keyboard();
    let velocity = VELOCITY;
    for (const [kind, value] of this.known(codes)) {
      if (kind === "s") keyboard.now += value;
      else if (kind === "v") velocity = this.velocityOf(value);
      else keyboard.play(kind, value, velocity);
    }
    return keyboard.finished();
  }
}

// A number of steps as symbols: as many of the longest as there are, then the rest.
function sum(kind, steps, longest) {
  const whole = new Array(Math.floor(steps / longest)).fill([kind, longest]);
  return steps % longest ? [...whole, [kind, steps % longest]] : whole;
}

class NoteCodec extends SymbolCodec {
  symbolsOf({ notes, steps }) {
    const longest = this.spec.longest * this.stepsPerBeat;
    const symbols = [];
    let now = 0;
    for (const { start, end, pitch } of notes) {
      symbols.push(...sum("t", start - now, longest), ["p", pitch], ...sum("d", end - start, longest));
      now = start;
    }
    return symbols.length ? [...symbols, ...sum("t", steps - now, longest)] : symbols;
  }

  decode(codes) {
    const notes = [];
    const last = new Map();
    let now = 0;
    let current = null;
    for (const [kind, value] of this.known(codes)) {
      if (kind === "t") {
        now += value;
        current = null;
      } else if (kind === "p") {
        const before = last.get(value);
        if (before) before.end = Math.min(before.end, now); // struck while it sounds: it ends
        current = { start: now, end: now, pitch: value };
        last.set(value, current);
        notes.push(current);
      } else if (current) current.end += value;
    }
    return notes;
  }
}

class PolyphonyCodec extends SymbolCodec {
  symbolsOf({ notes, steps }) {
    const named = Array.from({ length: steps }, () => []);
    for (const { start, end, pitch } of notes)
      for (let step = start; step < end; step++) named[step].push([step === start ? "new" : "hold", pitch]);
    if (!notes.length) return [];
    return named.flatMap((names) => [...names.sort((one, other) => other[1] - one[1]), ["step"]]);
  }

  decode(codes) {
    const notes = [];
    let now = 0;
    let sounding = new Map();
    let named = new Map();
    for (const [kind, pitch] of this.known(codes)) {
      if (kind === "step") [now, sounding, named] = [now + 1, named, new Map()];
      else if (named.has(pitch)) continue;
      else if (kind === "hold" && sounding.has(pitch)) {
        named.set(pitch, sounding.get(pitch));
        named.get(pitch).end = now + 1;
      } else {
        named.set(pitch, { start: now, end: now + 1, pitch });
        notes.push(named.get(pitch));
      }
    }
    return notes;
  }
}

// Everything that starts together is one symbol; it sounds until the next one.
class Chords extends SymbolCodec {
  decode(codes) {
    const notes = [];
    let chord = [];
    let now = 0;
    for (const symbol of this.known(codes)) {
      if (!symbol.startsWith("+")) chord = this.pitchesOf(symbol).map((pitch) => ({ start: now, end: now, pitch }));
      if (!symbol.startsWith("+")) notes.push(...chord);
      now += this.advance[this.codeOf.get(symbol)];
      for (const note of chord) note.end = now;
    }
    return notes;
  }

  // Where notes start, and the pitches that start there.
  chords({ notes }) {
    const chords = new Map();
    for (const { start, pitch } of notes) chords.set(start, [...(chords.get(start) ?? []), pitch]);
    return chords;
  }
}

const NAMES = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
const OCTAVE_4 = 60;

function nameOf(pitch) {
  return `${NAMES[pitch % 12]}${Math.floor(pitch / 12) - 1}`;
}

class ChordCodec extends Chords {
  symbolsOf(grid) {
    return [...this.chords(grid).values()].map((chord) => (chord.length > 1 ? normalOrder(chord).join(".") : nameOf(chord[0])));
  }

  pitchesOf(symbol) {
    const [, name, octave] = symbol.match(/^([A-G]#?)(-?\d+)$/) ?? [];
    if (name) return [NAMES.indexOf(name) + 12 * (Number(octave) + 1)];
    return symbol ? symbol.split(".").map((number) => OCTAVE_4 + Number(number)) : [];
  }
}

// Pitch classes in the rotation that is most tightly packed; of equals the first.
function normalOrder(pitches) {
  const classes = [...new Set(pitches.map((pitch) => pitch % 12))].sort((one, other) => one - other);
  const packing = (order) => order.map((each) => (each - order[0] + 12) % 12);
  const tighter = (one, other) => {
    const [left, right] = [one, other].map((order) => [packing(order).at(-1), ...packing(order)]);
    const at = left.findIndex((interval, index) => interval !== right[index]);
    return at >= 0 && left[at] < right[at];
  };
  const rotations = classes.map((_, turn) => [...classes.slice(turn), ...classes.slice(0, turn)]);
  return rotations.reduce((best, order) => (tighter(order, best) ? order : best));
}

class ExactChordCodec extends Chords {
  symbolsOf(grid) {
    if (!grid.notes.length) return [];
    const changes = new Map([...this.chords(grid)].map(([start, pitches]) => [start, pitches.join(".")]));
    const onsets = [...changes.keys()];
    onsets.forEach((onset, index) => {
      const ends = grid.notes.filter((note) => note.start <= onset).map((note) => note.end);
      const silent = Math.max(...ends);
      if (silent < (onsets[index + 1] ?? grid.steps)) changes.set(silent, "");
    });
    if (!changes.has(0)) changes.set(0, "");
    const times = [...changes.keys()].sort((one, other) => one - other);
    return times.flatMap((time, index) => [changes.get(time), `+${(times[index + 1] ?? grid.steps) - time}`]);
  }

  pitchesOf(symbol) {
    return symbol ? symbol.split(".").map(Number) : [];
  }
}

// Frames of bits, each a Uint8Array: channels (sounding, struck; of each step) of pitches.
class RollCodec extends Codec {
  constructor(spec) {
    super(spec);
    this.stepsPerFrame = spec.steps_per_frame;
    this.pitches = spec.high - spec.low + 1;
    this.bitsPerStep = this.pitches * (spec.struck ? 2 : 1);
    this.bits = this.bitsPerStep * this.stepsPerFrame;
  }

  end(codes) {
    return codes.length * this.stepsPerFrame;
  }

  unknown() {
    return 0;
  }

  // A last frame that stands for more time than there is music is left out, if others remain.
  encode({ notes, steps }) {
    const frames = Array.from({ length: Math.ceil(steps / this.stepsPerFrame) }, () => new Uint8Array(this.bits));
    for (const { start, end, pitch } of notes) {
      const key = pitch - this.spec.low;
      if (key < 0 || key >= this.pitches) continue;
      for (let step = start; step < end; step++) {
        const frame = frames[Math.floor(step / this.stepsPerFrame)];
        const at = (step % this.stepsPerFrame) * this.bitsPerStep + key;
        frame[at] = 1;
        if (this.spec.struck && step === start) frame[at + this.pitches] = 1;
      }
    }
    return frames.slice(0, Math.max(Math.floor(steps / this.stepsPerFrame), 1));
  }

  decode(codes) {
    const notes = [];
    const sounding = new Array(this.pitches).fill(null);
    for (let step = 0; step < this.end(codes); step++) {
      const frame = codes[Math.floor(step / this.stepsPerFrame)];
      const at = (step % this.stepsPerFrame) * this.bitsPerStep;
      for (let key = 0; key < this.pitches; key++) {
        const struck = this.spec.struck && frame[at + this.pitches + key];
        if (!frame[at + key]) sounding[key] = null;
        else if (sounding[key] && !struck) sounding[key].end = step + 1;
        else notes.push((sounding[key] = { start: step, end: step + 1, pitch: key + this.spec.low }));
      }
    }
    return notes;
  }
}

const CODECS = {
  ChordCodec,
  EventCodec,
  ExactChordCodec,
  MelodyCodec,
  NoteCodec,
  PerformanceCodec,
  PolyphonyCodec,
  RollCodec,
};

function makeCodec(spec) {
  return new CODECS[spec.name](spec);
}
