"use strict";
const facts = JSON.parse(document.getElementById("facts").textContent);
const KEPT = `zoo-blind-${facts.digest}`;
const FADE = 1; // seconds in which a piece that is cut off grows silent
const $ = (id) => document.getElementById(id);

// Chance: the same order for the same seed, blind.html#seed=7, so that a test can be repeated.

function chance() {
  const given = /[#&?]seed=(\d+)/.exec(location.hash);
  if (!given) return Math.random;
  let state = Number(given[1]) >>> 0; // mulberry32
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function shuffled(values, random) {
  const mixed = [...values];
  for (let last = mixed.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [mixed[last], mixed[other]] = [mixed[other], mixed[last]];
  }
  return mixed;
}

// Places of the pieces to play. Sources take turns; each turn gives a sample and real music in the same representation.
// No song is played twice, though it lies there in many representations: who hears it again knows that it is real.
function draw(random) {
  const left = new Set(shuffled(facts.pieces, random));
  const take = (source, kind) => [...left].find((piece) => piece.source === source && piece.kind === kind);
  const sources = shuffled(new Set(facts.pieces.map((piece) => piece.source)), random);
  const chosen = [];
  while (sources.length && chosen.length + 2 <= facts.questions) {
    const source = sources.shift();
    const pair = [take(source, "sample"), take(source, "real")];
    if (pair.includes(undefined)) continue;
    sources.push(source);
    chosen.push(...pair);
    for (const piece of left) if (pair.includes(piece) || (piece.song && piece.song === pair[1].song)) left.delete(piece);
  }
  return shuffled(chosen, random).map((piece) => facts.pieces.indexOf(piece));
}

// What is kept: {listener, order, answers, stopped}; answers[n] is that to piece order[n], null where it was skipped.

function begin() {
  const letters = Array.from({ length: 8 }, () => "abcdefghjkmnpqrstuvwxyz"[Math.floor(Math.random() * 23)]);
  return { listener: `listener-${letters.join("")}`, order: draw(chance()), answers: [], stopped: false };
}

function keep() {
  try {
    localStorage.setItem(KEPT, JSON.stringify(state));
  } catch {
    // A private window or a full disk: the test works, and is forgotten with the page.
  }
}

function kept() {
  try {
    const found = JSON.parse(localStorage.getItem(KEPT));
    const whole =
      /^listener-[a-z]{8}$/.test(found.listener) &&
      found.order.every((place) => facts.pieces[place]) &&
      found.answers.length <= found.order.length &&
      found.answers.every((answer) => answer === null || (answer.liking >= 1 && [0, 1].includes(answer.composed)));
    return whole ? found : null;
  } catch {
    return null;
  }
}

// Statistics: of answers {composed, liking}.

function wilson(count, answers) {
  const share = count / answers;
  const square = facts.normal ** 2;
  const middle = (share + square / (2 * answers)) / (1 + square / answers);
  const spread = Math.sqrt((share * (1 - share)) / answers + square / (4 * answers ** 2));
  const half = (facts.normal * spread) / (1 + square / answers);
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function student(values) {
  if (new Set(values).size < 2) return null;
  const middle = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  const half = facts.student[values.length - 2] * Math.sqrt(squares / (values.length - 1) / values.length);
  return [Math.max(1, middle - half), Math.min(facts.most, middle + half)];
}

// Listening.

const audio = new Audio();
let playing = null; // place of the piece in `audio`
let timer = null;
let showing = () => {}; // shows the state of the player

function load(place) {
  audio.pause();
  playing = place;
  audio.src = facts.pieces[place].url;
}

function toggle() {
  if (!audio.paused) return audio.pause();
  if (audio.ended || audio.currentTime >= facts.seconds) audio.currentTime = 0;
  audio.play().catch(() => {}); // the "error" event tells
}

function secondsPlayed() {
  let seconds = 0;
  for (let part = 0; part < audio.played.length; part++) seconds += audio.played.end(part) - audio.played.start(part);
  return seconds;
}

// Whether the listener may judge it: after some seconds, or once a shorter piece has played.
function enough() {
  return secondsPlayed() >= Math.min(facts.enough, (audio.duration || Infinity) - 0.2);
}

function tick() {
  const left = facts.seconds - audio.currentTime;
  audio.volume = Math.min(1, Math.max(0, left / FADE));
  if (left <= 0) audio.pause();
  showing();
}

audio.addEventListener("play", () => {
  clearInterval(timer);
  timer = setInterval(tick, 50);
  tick();
});
for (const event of ["pause", "ended", "error"]) {
  audio.addEventListener(event, () => {
    clearInterval(timer);
    showing();
  });
}

// The three screens.

let state = null;

function show(name, heading) {
  for (const section of ["intro", "question", "results"]) $(section).hidden = section !== name;
  if (heading) $(heading).focus();
  scrollTo(0, 0);
}

function intro() {
  const at = state.answers.length;
  $("count").textContent = state.order.length;
  $("start").textContent = at ? `Go on with piece ${at + 1} of ${state.order.length}` : "Start";
  show("intro");
}

function question() {
  const at = state.answers.length;
  if (at >= state.order.length) return results();
  state.stopped = false;
  keep();
  $("form").reset();
  $("number").textContent = `Piece ${at + 1} of ${state.order.length}`;
  $("done").max = state.order.length;
  $("done").value = at;
  $("next").textContent = at + 1 < state.order.length ? "Next piece" : "See the results";
  $("message").textContent = "";
  showing = player;
  load(state.order[at]);
  player();
  show("question", "number");
}

function player() {
  $("play").textContent = audio.paused ? (secondsPlayed() ? "▶ Play on" : "▶ Play") : "❚❚ Pause";
  if (audio.currentTime >= facts.seconds || audio.ended) $("play").textContent = "▶ Play again";
  $("played").value = audio.currentTime;
  $("next").setAttribute("aria-disabled", Boolean(missing()));
  if (audio.error) $("message").textContent = "This piece cannot be played here. Please skip it.";
  else if (!missing()) $("message").textContent = "";
}

// What keeps the listener from going on, as a sentence; empty when nothing does.
function missing() {
  const form = new FormData($("form"));
  const seconds = Math.ceil(facts.enough - secondsPlayed());
  if (!enough()) return `Please listen ${seconds} more second${seconds > 1 ? "s" : ""} before you go on.`;
  if (!form.has("composed")) return "Please say who composed it.";
  if (!form.has("liking")) return "Please say how much you like it.";
  return "";
}

function answer(event) {
  event.preventDefault();
  if (missing()) return ($("message").textContent = missing());
  const form = new FormData($("form"));
  record({
    composed: Number(form.get("composed")),
    liking: Number(form.get("liking")),
    seconds: Math.round(secondsPlayed()),
    when: new Date().toISOString(),
  });
}

function record(answer) {
  state.answers.push(answer);
  keep();
  question();
}

function results() {
  audio.pause();
  state.stopped = true;
  keep();
  const given = state.answers.flatMap((answer, at) => {
    return answer ? [{ ...answer, piece: facts.pieces[state.order[at]] }] : [];
  });
  const right = given.filter((answer) => answer.composed === Number(answer.piece.kind === "real")).length;
  $("verdict").textContent = given.length ? `You were right about ${right} of ${given.length}` : "Nothing answered yet";
  $("right").textContent = given.length
    ? `That is ${percent(right / given.length)} ${brackets(wilson(right, given.length), percent)}; who guesses is right about half.`
    : "";
  $("tallies").hidden = $("export").hidden = $("revealed").hidden = !given.length;
  $("on").hidden = state.answers.length >= state.order.length;
  $("saved").textContent = "";
  tally(given);
  reveal(given);
  show("results", "verdict");
}

const KINDS = { sample: "samples", real: "real music" };

function tally(given) {
  const all = Object.keys(KINDS).flatMap((kind) => row(kind === "real" ? "all real music" : "all models", kind, given));
  const sources = [...new Set(facts.pieces.map((piece) => piece.source))];
  const each = sources.flatMap((source) => {
    const answers = given.filter((answer) => answer.piece.source === source);
    if (!answers.length) return [];
    const head = element("th", source);
    head.colSpan = 4;
    head.scope = "rowgroup";
    return [element("tr", "", head), ...Object.keys(KINDS).flatMap((kind) => row(KINDS[kind], kind, answers))];
  });
  $("tally").replaceChildren(...all, ...each);
}

// A line of the table, or none.
function row(label, kind, given) {
  const answers = given.filter((answer) => answer.piece.kind === kind);
  if (!answers.length) return [];
  const count = answers.filter((answer) => answer.composed).length;
  const likings = answers.map((answer) => answer.liking);
  const between = wilson(count, answers.length);
  const range = element("i");
  range.style.left = `${100 * between[0]}%`;
  range.style.right = `${100 - 100 * between[1]}%`;
  const dot = element("b");
  dot.style.left = `${(100 * count) / answers.length}%`;
  const bar = element("div", "", range, dot);
  bar.className = "bar";
  const figure = (value, between, form) => [form(value), ...(between ? [" ", element("small", brackets(between, form))] : [])];
  const share = element("td", ...figure(count / answers.length, between, percent), bar);
  const liked = element("td", ...figure(mean(likings), student(likings), decimal));
  return [element("tr", "", element("td", label), element("td", answers.length), share, liked)];
}

function reveal(given) {
  $("reveal").replaceChildren(
    ...given.map((answer) => {
      const { piece } = answer;
      const real = piece.kind === "real";
      const what = real ? `${piece.song}, as ${piece.source} writes it down` : `A sample of ${piece.source}`;
      const right = answer.composed === Number(real);
      const yours = `You said ${answer.composed ? "a person" : "a model"}, ${right ? "rightly" : "wrongly"}; liking ${answer.liking}`;
      const button = element("button", "▶");
      button.type = "button";
      button.setAttribute("aria-label", `Play: ${what}`);
      const place = facts.pieces.indexOf(piece);
      button.addEventListener("click", () => {
        if (playing !== place) load(place);
        showing = () => {
          for (const other of $("reveal").querySelectorAll("button")) {
            other.textContent = other === button && !audio.paused ? "❚❚" : "▶";
          }
        };
        toggle();
      });
      return element("li", "", button, element("div", what, element("br"), element("small", yours)));
    }),
  );
}

function element(tag, text = "", ...children) {
  const made = document.createElement(tag);
  made.append(String(text), ...children);
  return made;
}

function percent(share) {
  return `${Math.round(100 * share)}%`;
}

function decimal(value) {
  return value.toFixed(1);
}

function brackets(between, form) {
  return `[${between.map(form).join(", ").replaceAll("%", "")}]`;
}

// Export.

// A spreadsheet takes what begins with one of these signs for a formula; an apostrophe before it makes it text.
function cell(value) {
  const text = String(value).replace(/^[=+\-@\t\r]/, "'$&");
  return /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function table() {
  const lines = [facts.columns];
  state.answers.forEach((answer, at) => {
    if (!answer) return;
    const piece = facts.pieces[state.order[at]];
    const all = { ...piece, piece: piece.path, ...answer, listener: state.listener };
    lines.push(facts.columns.map((column) => cell(all[column])));
  });
  return "\ufeff" + lines.map((line) => `${line.join(",")}\r\n`).join("");
}

function save() {
  const link = element("a");
  link.href = URL.createObjectURL(new Blob([table()], { type: "text/csv" }));
  link.download = `${state.listener}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  $("saved").textContent = `Saved as ${link.download} where your browser puts what it downloads.`;
}

// What people do.

$("start").addEventListener("click", question);
$("form").addEventListener("submit", answer);
$("form").addEventListener("change", player);
$("play").addEventListener("click", toggle);
$("skip").addEventListener("click", () => record(null));
$("stop").addEventListener("click", results);
$("on").addEventListener("click", question);
$("export").addEventListener("click", save);
$("anew").addEventListener("click", () => {
  if (!confirm("Forget these answers and start anew, as a new listener?")) return;
  audio.pause();
  state = begin();
  keep();
  intro();
});

document.addEventListener("keydown", (event) => {
  if ($("question").hidden || !$("keys").checked || event.ctrlKey || event.metaKey || event.altKey) return;
  const own = event.target.closest("button, a, summary, input"); // has its own use for Space and Enter
  const choose = (name, value) => {
    $("form").elements[name].value = value;
    player();
  };
  if (event.key === " " && !own) toggle();
  else if (event.key === "Enter" && !own) $("form").requestSubmit();
  else if (event.key.toLowerCase() === "p") choose("composed", 1);
  else if (event.key.toLowerCase() === "m") choose("composed", 0);
  else if (event.key >= "1" && event.key <= String(facts.most)) choose("liking", event.key);
  else return;
  event.preventDefault();
});

state = kept() || begin();
if (state.stopped) results();
else intro();
