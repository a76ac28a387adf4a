// Notes that sound: a struck string, more or less, by WebAudio.

const PARTIALS = [1, 0.55, 0.32, 0.16, 0.1, 0.07, 0.03, 0.02];
const [ATTACK, DECAY, RELEASE] = [0.006, 0.7, 0.09]; // seconds
const SUSTAIN = 0.18; // of the peak
const LOUDNESS = 0.3;

class Sound {
  // The clock of all that sounds, in seconds; stands still until something has been played.
  get now() {
    return this.context ? this.context.currentTime : 0;
  }

  // To be called when a person does something: before that no browser lets a page sound.
  wake() {
    if (!this.context) {
      this.context = new AudioContext({ latencyHint: "interactive" });
      const limiter = this.context.createDynamicsCompressor();
      this.out = new GainNode(this.context, { gain: LOUDNESS });
      this.out.connect(limiter).connect(this.context.destination);
      const zeros = new Float32Array(PARTIALS.length + 1);
      this.wave = this.context.createPeriodicWave(zeros, Float32Array.from([0, ...PARTIALS]));
    }
    return this.context.resume();
  }

  // Starts a note at a time of that clock; gives a function that ends it at another.
  start(pitch, velocity, when = this.now) {
    const { context } = this;
    when = Math.max(when, context.currentTime);
    const peak = (velocity / 127) ** 1.5;
    const string = new OscillatorNode(context, { frequency: 440 * 2 ** ((pitch - 69) / 12), periodicWave: this.wave });
    const struck = new GainNode(context, { gain: 0 });
    const damper = new GainNode(context, { gain: 1 });
    struck.gain.setValueAtTime(0, when).linearRampToValueAtTime(peak, when + ATTACK);
    struck.gain.setTargetAtTime(peak * SUSTAIN, when + ATTACK, DECAY);
    string.connect(struck).connect(damper).connect(this.out);
    string.start(when);
    return (end = this.now) => {
      const from = Math.max(end, when + ATTACK);
      damper.gain.setTargetAtTime(0, from, RELEASE / 3);
      string.stop(from + 2 * RELEASE);
    };
  }
}
