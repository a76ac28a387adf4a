// MIDI: files to take away, and keyboards to play on.

// A file of type 1: the tempo, then a track for everyone who made some of the notes.
function midiFile(notes, tempo) {
  const makers = [...new Set(notes.map((note) => note.by))];
  const microseconds = Math.round(60_000_000 / tempo);
  const tempoEvent = [0x00, 0xff, 0x51, 3, (microseconds >> 16) & 255, (microseconds >> 8) & 255, microseconds & 255];
  const tracks = [tempoEvent, ...makers.map((by, channel) => trackEvents(by, channel % 9, notes))];
  const bytes = [...chunk("MThd", [0, 1, 0, tracks.length, TICKS >> 8, TICKS & 255])];
  for (const events of tracks) bytes.push(...chunk("MTrk", [...events, 0x00, 0xff, 0x2f, 0]));
  return Uint8Array.from(bytes);
}

function trackEvents(by, channel, notes) {
  const name = [...new TextEncoder().encode(by)];
  const events = [];
  for (const { start, duration, pitch, velocity } of notes.filter((note) => note.by === by))
    events.push([start, 1, [0x90 | channel, pitch, velocity]], [start + duration, 0, [0x80 | channel, pitch, 0]]);
  events.sort((one, other) => one[0] - other[0] || one[1] - other[1]); // at one tick notes end before notes begin
  let now = 0;
  const written = [0x00, 0xff, 0x03, ...variable(name.length), ...name];
  for (const [tick, , bytes] of events) {
    written.push(...variable(tick - now), ...bytes);
    now = tick;
  }
  return written;
}

function chunk(kind, bytes) {
  const length = [24, 16, 8, 0].map((shift) => (bytes.length >> shift) & 255);
  return [...new TextEncoder().encode(kind), ...length, ...bytes];
}

// A number in bytes of seven bits, the last of which is below 128.
function variable(number) {
  const bytes = [number & 127];
  while ((number >>= 7)) bytes.unshift((number & 127) | 128);
  return bytes;
}

// Calls press(pitch, velocity) and release(pitch) for all keyboards, those that come later too; gives their names.
async function listenToKeyboards({ press, release }) {
  const access = await navigator.requestMIDIAccess();
  const listen = () => {
    for (const input of access.inputs.values())
      input.onmidimessage = ({ data: [status, pitch, velocity] }) => {
        if ((status & 0xf0) === 0x90 && velocity) press(pitch, velocity);
        else if ((status & 0xf0) === 0x90 || (status & 0xf0) === 0x80) release(pitch);
      };
  };
  access.onstatechange = listen;
  listen();
  return [...access.inputs.values()].map((input) => input.name);
}
