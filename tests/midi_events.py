"""Events of MIDI tracks, byte by byte: (time since the one before, bytes) each; `fuzz.midi` makes files of them."""

BEAT = 480
END = (0, b"\xff\x2f\0")


def note(pitch=60, ticks=BEAT, velocity=64, channel=0, wait=0):
    return [(wait, bytes([0x90 | channel, pitch, velocity])), (ticks, bytes([0x80 | channel, pitch, 0]))]


def track(*parts):
    """Events and lists of events, with an end behind them."""
    return [*(event for part in parts for event in (part if isinstance(part, list) else [part])), END]
