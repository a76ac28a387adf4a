// A piece in the making: takes one after another, each by a person or a model. Times are ticks.

const YOU = "you";
const BEAT = TICKS;
const NEW_TAKE = 8 * BEAT; // so long a silence, and the next note begins a new take

function upToBeat(tick) {
  return Math.ceil(tick / BEAT) * BEAT;
}

class Piece {
  takes = []; // {by, begin, length, notes}, whose notes count from the beginning of the piece

  get length() {
    return this.takes.reduce((most, take) => Math.max(most, upToBeat(take.begin + take.length)), 0);
  }

  // All notes, each with who made it, and a name that it keeps while a take is still in the making.
  get notes() {
    return this.takes.flatMap(({ by, notes }, index) =>
      notes.map((note) => ({ ...note, by, name: `${index} ${note.start} ${note.pitch}` })),
    );
  }

  add(by, begin = this.length) {
    const take = { by, begin, length: 0, notes: [] };
    this.takes.push(take);
    return take;
  }

  // The last `beats` of it, and as many more as make it begin with a bar: its notes count from `begin`.
  ending(beats, beatsInBar) {
    const bar = beatsInBar * BEAT;
    const begin = Math.floor(Math.max(0, this.length - beats * BEAT) / bar) * bar;
    const notes = this.notes
      .filter(({ start, duration }) => start + duration > begin)
      .map(({ start, duration, pitch, velocity }) => {
        const first = Math.max(start, begin);
        return { start: first - begin, duration: start + duration - first, pitch, velocity };
      });
    return { begin, length: this.length - begin, notes };
  }
}

// Writes down what a person plays, by the clock, from the first note on.
class Recorder {
  constructor(piece) {
    this.piece = piece;
    this.open = new Map(); // pitch: its note
    this.take = null;
  }

  tickAt(ms) {
    return Math.max(0, Math.round(((ms - this.origin) * this.tempo * BEAT) / 60_000));
  }

  press(pitch, velocity, ms, tempo) {
    if (this.take && !this.open.size && this.tickAt(ms) - this.take.length > NEW_TAKE) this.close(ms);
    if (!this.take) [this.take, this.origin, this.tempo] = [this.piece.add(YOU), ms, tempo];
    this.release(pitch, ms);
    const note = { start: this.take.begin + this.tickAt(ms), duration: 1, pitch, velocity };
    this.open.set(pitch, note);
    this.take.notes.push(note);
    this.grow(ms);
  }

  release(pitch, ms) {
    this.grow(ms);
    this.open.delete(pitch);
  }

  // Lets what is held last until now.
  grow(ms) {
    for (const note of this.open.values()) {
      note.duration = Math.max(1, this.take.begin + this.tickAt(ms) - note.start);
      this.take.length = Math.max(this.take.length, note.start + note.duration - this.take.begin);
    }
  }

  close(ms) {
    this.grow(ms);
    this.open.clear();
    this.take = null;
  }
}
