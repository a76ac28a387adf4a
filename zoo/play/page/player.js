// Plays a piece, which may still be in the making: a note is started when its time comes, and ended when its end does.

const AHEAD = 0.15; // seconds that are handed to the sound before they are heard
const EVERY = 25; // milliseconds

class Player {
  constructor(sound, piece, changed) {
    Object.assign(this, { sound, piece, changed, tempo: 100, loop: false, limit: Infinity });
    this.sounding = new Map(); // name of a note: how it is ended
    this.timer = null;
  }

  get playing() {
    return this.timer !== null;
  }

  // The tick that is heard now; null when nothing plays.
  get tick() {
    return this.playing ? Math.max(this.begin, this.tickAt(this.sound.now)) : null;
  }

  start(tick) {
    this.stop();
    this.begin = tick;
    this.done = tick; // all before it was handed to the sound
    this.anchor(tick, this.sound.now + 0.05);
    this.timer = setInterval(() => this.advance(), EVERY);
    this.advance();
    this.changed();
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    for (const end of this.sounding.values()) end();
    this.sounding.clear();
    this.changed();
  }

  setTempo(tempo) {
    if (this.playing) this.anchor(this.done, this.timeOf(this.done));
    this.tempo = tempo;
  }

  anchor(tick, time) {
    Object.assign(this, { anchorTick: tick, anchorTime: time });
  }

  timeOf(tick) {
    return this.anchorTime + ((tick - this.anchorTick) * 60) / (this.tempo * BEAT);
  }

  tickAt(time) {
    return this.anchorTick + ((time - this.anchorTime) * this.tempo * BEAT) / 60;
  }

  // Hands to the sound what comes next.
  advance() {
    let until = this.tickAt(this.sound.now + AHEAD);
    if (until > this.limit) {
      until = Math.max(this.limit, this.done); // the model has not got further: time waits for it
      this.anchor(until, this.sound.now + AHEAD);
    }
    const ends = new Map();
    for (const { name, start, duration, pitch, velocity } of this.piece.notes) {
      ends.set(name, start + duration);
      if (start >= this.done && start < until)
        this.sounding.set(name, this.sound.start(pitch, velocity, this.timeOf(start)));
    }
    for (const [name, end] of this.sounding) {
      const tick = ends.get(name) ?? until; // gone, when the model thought better of it
      if (tick > until) continue;
      end(this.timeOf(tick));
      this.sounding.delete(name);
    }
    this.done = until;
    const { length } = this.piece;
    if (this.limit < Infinity || until < length) return;
    if (this.loop && length) {
      for (const end of this.sounding.values()) end(this.timeOf(length));
      this.sounding.clear();
      this.anchor(0, this.timeOf(length));
      this.begin = this.done = 0;
    } else if (this.tickAt(this.sound.now) >= length) this.stop();
  }
}
