// The piano roll: a canvas that shows a piece, and where it is played.

const LEAST_BEATS = 16; // across the canvas
const LEAST_WIDTH = 14; // pixels of a beat
const RANGE = 25; // pitches at least

class Roll {
  constructor(canvas) {
    this.canvas = canvas;
    new ResizeObserver(() => this.draw(this.last ?? { notes: [], length: 0, tick: null })).observe(canvas);
  }

  draw(state) {
    this.last = state;
    const { notes, length, tick } = state;
    const { canvas } = this;
    const { clientWidth: width, clientHeight: height } = canvas;
    const density = window.devicePixelRatio || 1;
    canvas.width = width * density;
    canvas.height = height * density;
    const pen = canvas.getContext("2d");
    pen.scale(density, density);
    const style = getComputedStyle(canvas);
    const colour = (name) => style.getPropertyValue(`--${name}`);

    const perBeat = Math.max(width / Math.max(LEAST_BEATS, length / BEAT), LEAST_WIDTH);
    const shown = (width / perBeat) * BEAT;
    const focus = tick ?? length;
    const first = Math.max(0, Math.min(length - shown, tick === null ? length : focus - shown / 2));
    const across = (at) => ((at - first) / BEAT) * perBeat;

    const pitches = notes.map((note) => note.pitch);
    const low = Math.min(...pitches, 60) - 1;
    const high = Math.max(...pitches, low + RANGE) + 1;
    const row = height / (high - low + 1);
    const down = (pitch) => (high - pitch) * row;

    pen.fillStyle = colour("black-row");
    for (let pitch = low; pitch <= high; pitch++)
      if (NAMES[((pitch % 12) + 12) % 12].length > 1) pen.fillRect(0, down(pitch), width, row);
    for (let beat = Math.floor(first / BEAT); across(beat * BEAT) < width; beat++) {
      pen.fillStyle = colour(beat % 4 ? "line" : "edge");
      pen.fillRect(across(beat * BEAT), 0, 1, height);
    }
    for (const { start, duration, pitch, by } of notes) {
      pen.fillStyle = colour(by === YOU ? "yours" : "models");
      pen.fillRect(across(start), down(pitch) + 0.5, Math.max((duration / BEAT) * perBeat - 1, 2), Math.max(row - 1, 2));
      if (tick === null || start > tick || start + duration <= tick) continue;
      pen.strokeStyle = colour("ink");
      pen.strokeRect(across(start), down(pitch), (duration / BEAT) * perBeat - 1, row);
    }
    if (tick === null) return;
    pen.fillStyle = colour("bad");
    pen.fillRect(across(tick) - 1, 0, 2, height);
  }
}
