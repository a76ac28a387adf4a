// The page: what a person does, and what comes of it.

const PRIMER = 32; // beats of the piece that a model reads, and the rest of a bar
const SLICE = 12; // milliseconds of work, after which the page gets a turn

const element = (id) => document.getElementById(id);
const piece = new Piece();
const recorder = new Recorder(piece);
const sound = new Sound();
const roll = new Roll(element("roll"));
const player = new Player(sound, piece, () => showPlaying());
const live = new Map(); // pitch: how it is ended, of keys that are down
let job = null; // of a model that goes on; when it is another, that one is to end

const piano = new Piano(element("piano"), {
  press(pitch, velocity) {
    sound.wake();
    live.get(pitch)?.();
    live.set(pitch, sound.start(pitch, velocity));
    if (player.playing || job) return; // along with the piece, and not a part of it
    recorder.press(pitch, velocity, performance.now(), value("tempo"));
    show();
  },
  release(pitch) {
    live.get(pitch)?.();
    live.delete(pitch);
    recorder.release(pitch, performance.now());
    show();
  },
  moved: (name) => say(`The keys begin at ${name}.`),
});

// A number of the controls, within its bounds.
function value(id) {
  const { valueAsNumber, min, max, defaultValue } = element(id);
  const number = Number.isFinite(valueAsNumber) ? valueAsNumber : Number(defaultValue);
  return Math.min(Math.max(number, min), max);
}

function say(text) {
  element("status").textContent = text;
}

function counted(number, name) {
  return `${number} ${name}${number === 1 ? "" : "s"}`;
}

function show() {
  const { notes, length } = piece;
  roll.draw({ notes, length, tick: player.tick });
  const yours = notes.filter((note) => note.by === YOU).length;
  const models = [...new Set(notes.map((note) => note.by))].filter((by) => by !== YOU).join(", ");
  const theirs = models ? `, ${notes.length - yours} by ${models}` : "";
  const label = `Piano roll: ${counted(length / BEAT, "beat")}, ${counted(yours, "note")} of yours${theirs}`;
  if (element("roll").getAttribute("aria-label") !== label) element("roll").setAttribute("aria-label", label);
}

function showPlaying() {
  element("play").textContent = player.playing || job ? "Stop" : "Play";
  show();
  if (player.playing && !showPlaying.frame) showPlaying.frame = requestAnimationFrame(follow);
}

function follow() {
  showPlaying.frame = player.playing ? requestAnimationFrame(follow) : 0;
  show();
}

// Ends what sounds and what is in the making.
function rest() {
  job = null;
  recorder.close(performance.now());
  piece.takes = piece.takes.filter((take) => take.length);
  player.limit = Infinity;
  player.stop();
}

const pause = () => new Promise((done) => setTimeout(done));

// The chosen model goes on with the piece, and is heard as soon as it has got a beat ahead.
async function goOn() {
  sound.wake();
  rest();
  const mine = (job = {});
  const { value: id, selectedOptions } = element("model");
  const { name } = selectedOptions[0].dataset;
  say(`${name} goes on …`);
  const take = piece.add(name);
  showPlaying();
  try {
    const model = await loadModel(id);
    if (job !== mine) return;
    const { codec } = model;
    const phrase = piece.ending(PRIMER, model.beatsInBar);
    const primer = phrase.notes.length ? codec.encoded(phrase.notes, phrase.length) : [];
    take.begin = beginning(codec, phrase, primer);
    const end = phrase.begin + phrase.length + value("beats") * BEAT;
    const steps = toSteps(end - take.begin, codec.stepsPerBeat);
    const request = { codes: primer, steps, temperature: value("temperature"), random: seeded(value("seed")) };
    const codes = [];
    const update = () => {
      const ready = take.begin + toTicks(Math.min(codec.end(codes), steps), codec.stepsPerBeat);
      const notes = codec.decoded(codes, toSteps(ready - take.begin, codec.stepsPerBeat));
      take.notes = notes.map((note) => ({ ...note, start: note.start + take.begin }));
      take.length = ready - take.begin;
      player.limit = ready;
      if (!player.playing && ready >= Math.min(take.begin + BEAT, end)) player.start(take.begin);
      show();
    };
    let since = performance.now();
    for (const code of model.goOn(request)) {
      codes.push(code);
      if (performance.now() - since < SLICE) continue;
      update();
      await pause();
      if (job !== mine) return;
      since = performance.now();
    }
    update();
    take.length = end - take.begin;
    player.limit = Infinity;
    if (!player.playing) player.start(take.begin);
    const unknown = codec.unknown(primer);
    const strange = unknown ? ` It does not know ${unknown} of the ${primer.length} symbols before.` : "";
    say(`${name} went on for ${counted(value("beats"), "beat")}: ${counted(take.notes.length, "note")}.${strange}`);
  } catch (error) {
    if (job !== mine) return;
    piece.takes.pop();
    say(`${name} cannot go on: ${error.message}.`);
  }
  job = null;
  showPlaying();
}

// Where what a model goes on with begins: where its codes end, if that is between the last note and the end.
function beginning(codec, { begin, length, notes }, primer) {
  const ticks = toTicks(codec.end(primer), codec.stepsPerBeat);
  const last = notes.reduce((most, note) => Math.max(most, note.start + note.duration), 0);
  return begin + (primer.length && ticks >= last && ticks <= length ? ticks : length);
}

function again() {
  rest();
  if ((piece.takes.at(-1)?.by ?? YOU) === YOU) return say("No model has gone on yet.");
  piece.takes.pop();
  element("seed").value = value("seed") + 1;
  goOn();
}

function play() {
  sound.wake();
  const going = player.playing || job;
  rest();
  if (going) return say("Stopped.");
  if (!piece.length) return say("There is nothing to play yet: play a phrase, or let a model begin.");
  player.start(0);
  say("Playing from the beginning.");
}

function undo() {
  rest();
  const take = piece.takes.pop();
  say(take ? `Taken back: ${counted(take.notes.length, "note")} by ${take.by}.` : "There is nothing to take back.");
  show();
}

function clear() {
  rest();
  piece.takes = [];
  say("All cleared.");
  show();
}

function save() {
  recorder.close(performance.now());
  if (!piece.length) return say("There is nothing to save yet.");
  const url = URL.createObjectURL(new Blob([midiFile(piece.notes, value("tempo"))], { type: "audio/midi" }));
  Object.assign(document.createElement("a"), { href: url, download: "piece.mid" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  say("Saved as piece.mid.");
}

async function connect() {
  sound.wake();
  try {
    const names = await listenToKeyboards({
      press: (pitch, velocity) => piano.down(`midi ${pitch}`, pitch, velocity),
      release: (pitch) => piano.up(`midi ${pitch}`),
    });
    say(names.length ? `Connected: ${names.join(", ")}.` : "No MIDI keyboard is there yet; one that comes will play.");
  } catch {
    say("The browser did not allow MIDI.");
  }
}

function showModel() {
  const { value: id } = element("model");
  for (const about of document.querySelectorAll(".about")) about.hidden = about.dataset.model !== id;
}

function showNumbers() {
  element("temperature-value").textContent = value("temperature").toFixed(2);
  player.setTempo(value("tempo"));
  player.loop = element("loop").checked;
  piano.letters = element("letters").checked;
}

const ACTIONS = { go: goOn, again, play, undo, clear, save, connect };
for (const [id, action] of Object.entries(ACTIONS)) element(id).addEventListener("click", action);
element("lower").addEventListener("click", () => piano.move(-12));
element("higher").addEventListener("click", () => piano.move(12));
element("connect").hidden = !navigator.requestMIDIAccess;
element("model").addEventListener("change", showModel);
element("controls").addEventListener("input", showNumbers);
element("controls").addEventListener("submit", (event) => event.preventDefault());
showModel();
showNumbers();
show();
