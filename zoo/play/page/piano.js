// A piano on the screen, played by pointer, by the keys of a computer, or by a screen reader's clicks.

// Physical keys from C on, as on a piano: white ones in the middle row, black ones above.
const LETTERS = "KeyA KeyW KeyS KeyE KeyD KeyF KeyT KeyG KeyY KeyH KeyU KeyJ KeyK KeyO KeyL KeyP Semicolon".split(" ");
const LOWER = "KeyZ"; // an octave down
const HIGHER = "KeyX";
const [LOWEST, HIGHEST] = [24, 84]; // where the letters may begin
const STRUCK = 96; // velocity
const CLICK = 400; // milliseconds of a note by a click

class Piano {
  constructor(element, { press, release, moved }) {
    Object.assign(this, { element, press, release, moved, base: 60, focused: 60 });
    this.held = new Map(); // what holds a key down: the pitch
    this.wide = matchMedia("(min-width: 45rem)");
    this.wide.addEventListener("change", () => this.build());
    element.addEventListener("pointerdown", (event) => this.touch(event));
    element.addEventListener("pointermove", (event) => this.slide(event));
    for (const kind of ["pointerup", "pointercancel"])
      element.addEventListener(kind, ({ pointerId }) => this.up(pointerId));
    element.addEventListener("keydown", (event) => this.walk(event));
    element.addEventListener("keyup", ({ code }) => this.up(`focus ${code}`));
    element.addEventListener("click", (event) => this.click(event));
    addEventListener("keydown", (event) => this.type(event));
    addEventListener("keyup", ({ code }) => this.up(code));
    addEventListener("blur", () => this.upAll());
    this.build();
  }

  // The keys: three octaves where there is room, else two; a letter stands on those that the computer's keys play.
  build() {
    this.upAll();
    const octaves = this.wide.matches ? 3 : 2;
    const first = this.base - (octaves > 2 ? 12 : 0);
    const last = first + 12 * octaves;
    this.focused = Math.min(Math.max(this.focused, first), last);
    const whites = 7 * octaves + 1;
    const keys = [];
    for (let pitch = first, white = 0; pitch <= last; pitch++) {
      const key = document.createElement("button");
      const black = NAMES[pitch % 12].length > 1;
      const letter = LETTERS[pitch - this.base]?.replace("Key", "").replace("Semicolon", ";");
      key.type = "button";
      key.className = black ? "black" : "white";
      key.style.left = `${((black ? white - 0.3 : white) / whites) * 100}%`;
      key.style.width = `${((black ? 0.6 : 1) / whites) * 100}%`;
      key.dataset.pitch = pitch;
      key.tabIndex = pitch === this.focused ? 0 : -1;
      key.setAttribute("aria-label", nameOf(pitch).replace("#", " sharp "));
      const inside = document.createElement("span");
      inside.textContent = letter ?? "";
      key.append(inside);
      keys.push(key);
      if (!black) white++;
    }
    this.element.replaceChildren(...keys);
  }

  keyOf(pitch) {
    return this.element.querySelector(`[data-pitch="${pitch}"]`);
  }

  // `holder` is what holds the key down: a pointer, a key of the computer, a MIDI keyboard.
  down(holder, pitch, velocity = STRUCK) {
    if (this.held.get(holder) === pitch) return;
    this.up(holder);
    this.held.set(holder, pitch);
    this.keyOf(pitch)?.classList.add("down");
    this.press(pitch, velocity);
  }

  up(holder) {
    const pitch = this.held.get(holder);
    if (pitch === undefined) return;
    this.held.delete(holder);
    if ([...this.held.values()].includes(pitch)) return;
    this.keyOf(pitch)?.classList.remove("down");
    this.release(pitch);
  }

  upAll() {
    for (const holder of [...this.held.keys()]) this.up(holder);
  }

  move(semitones) {
    this.base = Math.min(Math.max(this.base + semitones, LOWEST), HIGHEST);
    this.build();
    this.moved(nameOf(this.base));
  }

  touch(event) {
    const key = event.target.closest("[data-pitch]");
    if (!key || event.button) return;
    event.target.releasePointerCapture(event.pointerId); // so that a finger may slide over the keys
    this.down(event.pointerId, Number(key.dataset.pitch));
  }

  slide({ pointerId, clientX, clientY }) {
    if (!this.held.has(pointerId)) return;
    const key = document.elementFromPoint(clientX, clientY)?.closest("[data-pitch]");
    if (key) this.down(pointerId, Number(key.dataset.pitch));
    else this.up(pointerId);
  }

  // Arrows go from key to key, Enter and the space bar play.
  walk(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowUp: 12, ArrowDown: -12 }[event.key];
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (!event.repeat) this.down(`focus ${event.code}`, this.focused);
    } else if (step && this.keyOf(this.focused + step)) {
      event.preventDefault();
      this.keyOf(this.focused).tabIndex = -1;
      this.focused += step;
      this.keyOf(this.focused).tabIndex = 0;
      this.keyOf(this.focused).focus();
    }
  }

  // A click without a pointer is a screen reader's.
  click(event) {
    const key = event.target.closest("[data-pitch]");
    if (!key || event.detail) return;
    this.down("click", Number(key.dataset.pitch));
    setTimeout(() => this.up("click"), CLICK);
  }

  type(event) {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || !this.letters) return;
    if (event.target.matches?.("select, textarea, input:not([type=range], [type=checkbox])")) return;
    const semitones = LETTERS.indexOf(event.code);
    if (semitones >= 0) this.down(event.code, this.base + semitones);
    else if (event.code === LOWER) this.move(-12);
    else if (event.code === HIGHER) this.move(12);
  }
}
