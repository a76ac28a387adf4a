// Ticks and grid steps; see zoo/codecs/grid.py. A note in ticks is {start, duration, pitch, velocity}, on a grid
// {start, end, pitch, velocity}.

const TICKS = 480; // of a beat
const VELOCITY = 80; // of decoded notes where the representation keeps none

function toSteps(ticks, stepsPerBeat) {
  return Math.floor((2 * ticks * stepsPerBeat + TICKS) / (2 * TICKS));
}

function toTicks(steps, stepsPerBeat) {
  return Math.floor((2 * steps * TICKS + stepsPerBeat) / (2 * stepsPerBeat));
}

// Notes on a grid, by start and pitch, and how many steps there are. A pitch sounds once at a time.
function onGrid(notes, length, stepsPerBeat) {
  const all = notes.map(({ start, duration, pitch, velocity }) => {
    const first = toSteps(start, stepsPerBeat);
    return { start: first, end: Math.max(toSteps(start + duration, stepsPerBeat), first + 1), pitch, velocity };
  });
  all.sort((one, other) => one.start - other.start || one.pitch - other.pitch || other.end - one.end);
  const kept = [];
  const last = new Map(); // the last note of each pitch
  for (const note of all) {
    const before = last.get(note.pitch);
    if (before?.start === note.start) continue; // of equal ones the longest came first
    if (before) before.end = Math.min(before.end, note.start);
    last.set(note.pitch, note);
    kept.push(note);
  }
  const steps = kept.reduce((most, note) => Math.max(most, note.end), toSteps(length, stepsPerBeat));
  return { notes: kept, steps };
}

// Notes in ticks; what lies past `steps` is cut off, and what is longer than `longest` (0 is any).
function fromGrid(notes, steps, stepsPerBeat, longest = 0) {
  return notes
    .map((note) => ({ ...note, end: Math.min(note.end, longest ? note.start + longest : note.end, steps) }))
    .filter((note) => note.start < note.end)
    .map(({ start, end, pitch, velocity = VELOCITY }) => {
      const tick = toTicks(start, stepsPerBeat);
      return { start: tick, duration: toTicks(end, stepsPerBeat) - tick, pitch, velocity };
    });
}
