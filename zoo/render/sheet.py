"""Sheet music."""

from __future__ import annotations

import io
import itertools
import re
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo._errors import UserError
from zoo._files import write_bytes
from zoo.render.bars import bars, time_signatures
from zoo.render.style import INK, NIGHT
from zoo.song import TICKS_PER_BEAT, Song

if TYPE_CHECKING:
    from music21 import pitch, stream

MIDDLE_C = 60
LONGEST_SCORE = 20_000  # notes, and bars of all parts; music21 takes a minute for them
CONTAINER = (
    '<?xml version="1.0" encoding="UTF-8"?><container><rootfiles><rootfile full-path="score.musicxml" '
    'media-type="application/vnd.recordare.musicxml+xml"/></rootfiles></container>'
)
ENGRAVING = {
    "adjustPageHeight": True,
    "pageHeight": 60000,  # verovio's highest
    "pageWidth": 2400,
    "scale": 40,
    "header": "none",
    "footer": "none",
    "svgViewBox": True,
    "svgFormatRaw": True,
    "svgRemoveXlink": True,
    "smuflTextFont": "none",
    "xmlIdSeed": 1,
}
LOOKS = (
    f"svg{{color:{INK}}}path,polygon,ellipse,rect,polyline{{stroke:currentColor}}"
    f"@media (prefers-color-scheme: dark){{svg{{color:{NIGHT[INK]}}}}}"
)


def musicxml(song: Song, path: Path | str) -> None:
    """Write the song as sheet music, one part a track, every beat in sixteenths or in eighth triplets, whichever fits.

    Onsets and ends are moved to that grid; notes with common onset and end form a chord, others that overlap go to
    further voices; a note has at least one step of the grid.

    Args:
        song: any song, an empty one too.
        path: `.musicxml`, or `.mxl` for the same in a twentieth of the size.

    Raises:
        UserError: when the song is too long for sheet music, or the file cannot be written.
    """
    _check_length(song, path)
    content = written(song, song.name or Path(path).stem)
    write_bytes(path, zipped(content) if Path(path).suffix.lower() == ".mxl" else content)


def sheet_music(song: Song, path: Path | str) -> None:
    """Engrave what `musicxml` writes, on one page as high as it needs; follows its reader's light or dark scheme.

    Args:
        song: any song, an empty one too.
        path: `.svg`.

    Raises:
        UserError: when the song is too long for sheet music, or the file cannot be written.
    """
    _check_length(song, path)
    write_bytes(path, engraved(written(song, "")))


def _check_length(song: Song, path: Path | str) -> None:
    measures, parts = len(bars(song)) - 1, len(song.programs)
    if max(len(song), measures * parts) > LONGEST_SCORE:
        raise UserError(
            f"cannot write {path}: {len(song):,} notes in {measures:,} bars of {parts} parts are too much for sheet "
            f"music, which takes up to {LONGEST_SCORE:,} notes or bars; take fewer beats."
        )


def engraved(content: bytes) -> bytes:
    """MusicXML as SVG, without what only an editor needs.

    Taken out here, nearly half of the file: a cleaner of SVG files, such as scour, does not know verovio's classes.
    """
    import verovio

    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    toolkit.setOptions(ENGRAVING)
    # Its signs for the tempo need a font of 40 kB; stems it points better than music21 where two voices share a staff.
    toolkit.loadData(re.sub(r"<(metronome|stem).*?</\1>", "", content.decode(), flags=re.DOTALL))
    drawing = toolkit.renderToSVG(1)
    if len(scales := set(re.findall(r"(?<=\)) scale\([^)]*\)", drawing))) == 1:
        (scale,) = scales  # then it need stand in each sign's shape only, not at each note
        drawing = drawing.replace(scale, "").replace("scale(1,-1)", f"{scale[1:]} scale(1,-1)")
    drawing = ElementTree.fromstring(drawing.replace(f"-{ElementTree.fromstring(drawing).get('id')}", ""))
    used = {element.get("href", "")[1:] for element in drawing.iter()}
    (lean,) = _lean(drawing, used)
    style = ElementTree.Element("style")
    style.text = LOOKS
    lean.insert(0, style)
    ElementTree.register_namespace("", "http://www.w3.org/2000/svg")
    return ElementTree.tostring(lean)


def _lean(element: ElementTree.Element, used: set[str]) -> list[ElementTree.Element]:
    """What says the same as an element of verovio's SVG, without names, and groups, that only an editor needs."""
    tag = element.tag.rpartition("}")[2]
    if tag in ("desc", "style") or "placeholder" in element.get("class", ""):
        return []
    for name in list(element.attrib):
        if name == "class" or name.startswith("data-") or (name == "id" and element.get("id") not in used):
            del element.attrib[name]
    element[:] = [kept for child in element for kept in _lean(child, used)]
    return [element] if element.attrib or tag != "g" else list(element)


def written(song: Song, title: str) -> bytes:
    """The song as MusicXML."""
    from music21 import instrument, key, layout, metadata, meter, stream, tempo
    from music21.musicxml.m21ToXml import GeneralObjectExporter

    end, sharps = int(bars(song)[-1]), _sharps(song)
    score = stream.Score()
    score.metadata = metadata.Metadata(title=title, composer="")
    for track, program in enumerate(song.programs):
        player = instrument.instrumentFromMidiProgram(program)
        player.partId, player.instrumentId = f"P{track + 1}", f"I{track + 1}"  # they would be random otherwise
        staves = _staves(song.select(song.track == track))
        parts: list[stream.Part] = []
        used = 0
        for notes in staves:
            part = stream.Part() if len(staves) == 1 else stream.PartStaff()
            part.id = f"track {track + 1} staff {len(parts) + 1}"
            if not parts:
                part.insert(0, player)
                if track == 0:
                    part.insert(0, tempo.MetronomeMark(number=round(song.tempo, 2)))
            part.insert(0, key.KeySignature(sharps))
            for tick, numerator, denominator in time_signatures(song):
                part.insert(tick / TICKS_PER_BEAT, meter.TimeSignature(f"{numerator}/{denominator}"))
            voices = _voices(notes, end, sharps)
            for voice in voices:
                part.insert(0, voice)
            parts.append(_in_measures(part, used))
            used += len(voices)
        for part in parts:
            score.insert(0, part)
        if len(parts) > 1:
            score.insert(0, layout.StaffGroup(parts, symbol="brace"))
    content = GeneralObjectExporter(score).parse()
    return re.sub(rb"\s*<encoding-date>.*?</encoding-date>", b"", content)


def _in_measures(part: stream.Part, first: int) -> stream.Part:
    """The part in measures, its voices, which music21 counts from 0, numbered from `first` + 1.

    Readers want numbers above 0 that no other staff of the same instrument has.
    """
    made = part.makeNotation()
    for measure in made.getElementsByClass("Measure"):
        for voice in measure.voices:
            voice.id = int(voice.id) + first + 1
    return made


def _sharps(song: Song) -> int:
    """Sharps of the key signature that most of the song's time fits, flats below 0."""
    held = np.bincount(song.pitch % 12, song.duration, 12)

    def fitting(sharps: int) -> float:
        return sum(held[7 * fifths % 12] for fifths in range(sharps - 1, sharps + 6))

    return max(range(-5, 7), key=lambda sharps: (fitting(sharps), -abs(sharps)))


def _spelled(midi: int, sharps: int) -> pitch.Pitch:
    """A MIDI pitch as it is written in that key: E flat to G sharp where there are no sharps, other keys likewise."""
    from music21 import pitch

    fifths = next(fifths for fifths in range(sharps - 3, sharps + 9) if (7 * fifths - midi) % 12 == 0)
    alter, letter = divmod(fifths + 1, 7)
    return pitch.Pitch("FCGDAEB"[letter] + "-#"[alter > 0] * abs(alter), octave=(midi - alter) // 12 - 1)


def _staves(song: Song) -> list[Song]:
    """The notes of a track on one staff, or, when they go far below and above middle C, on two like a piano's."""
    if not len(song) or song.pitch.min() >= MIDDLE_C - 7 or song.pitch.max() <= MIDDLE_C + 4:
        return [song]
    return [song.select(song.pitch >= MIDDLE_C), song.select(song.pitch < MIDDLE_C)]


def zipped(content: bytes) -> bytes:
    """Compressed MusicXML; the same content gives the same bytes."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as files:
        for name, data in (("META-INF/container.xml", CONTAINER), ("score.musicxml", content)):
            files.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)  # dated 1980
    return archive.getvalue()


def _quantise(song: Song) -> tuple[np.ndarray, np.ndarray]:
    """Onsets and ends, each (notes,) ticks, on sixteenths or eighth triplets: whichever lies nearer in that beat."""
    ticks = np.concatenate([song.start, song.end])
    beat, within = np.divmod(ticks, TICKS_PER_BEAT)
    grids = [(within + step // 2) // step * step for step in (TICKS_PER_BEAT // 4, TICKS_PER_BEAT // 3)]
    errors = [np.bincount(beat, np.abs(grid - within)) for grid in grids]
    triplet = np.append(errors[1] < errors[0], False)
    onset, end = np.split(beat * TICKS_PER_BEAT + np.where(triplet[beat], grids[1], grids[0]), 2)
    step = np.where(triplet[onset // TICKS_PER_BEAT], TICKS_PER_BEAT // 3, TICKS_PER_BEAT // 4)
    return onset, np.maximum(end, onset + step)


def _voices(song: Song, end: int, sharps: int) -> list:
    """A staff's notes and chords as music21 voices without overlap; the first has rests, and lasts to tick `end`."""
    from music21 import note, stream

    chords: dict = {}
    notes = zip(*_quantise(song), song.pitch, strict=True)
    for onset, stop, pitch in sorted(notes, key=lambda note: (note[0], -note[2])):  # the upper voice first
        chords.setdefault((int(onset), int(stop)), set()).add(int(pitch))
    voices, ends = [stream.Voice(id="1")], [0]

    def pause(until: int) -> None:
        for begin, stop in _cut(ends[0], max(until, ends[0])):
            voices[0].insert(begin / TICKS_PER_BEAT, note.Rest(quarterLength=(stop - begin) / TICKS_PER_BEAT))

    for (onset, stop), pitches in chords.items():
        free = next((number for number, busy in enumerate(ends) if busy <= onset), len(ends))
        if free == 0:
            pause(onset)
        elif free == len(ends):
            voices.append(stream.Voice(id=str(free + 1)))
            ends.append(0)
        for element, tick in _tied(onset, stop, sorted(pitches), sharps):
            voices[free].insert(tick / TICKS_PER_BEAT, element)
        ends[free] = stop
    pause(end)
    return voices


def _tied(onset: int, end: int, pitches: list[int], sharps: int) -> list:
    """(note or chord, tick) pairs that together last from `onset` to `end`."""
    from music21 import chord, note, tie

    spans = _cut(onset, end)
    pieces = []
    for number, (begin, stop) in enumerate(spans):
        length = (stop - begin) / TICKS_PER_BEAT
        spelled = [_spelled(pitch, sharps) for pitch in pitches]
        alone = len(spelled) == 1
        piece = note.Note(spelled[0], quarterLength=length) if alone else chord.Chord(spelled, quarterLength=length)
        if len(spans) > 1:
            piece.tie = tie.Tie("start" if number == 0 else "stop" if number == len(spans) - 1 else "continue")
        pieces.append((piece, begin))
    return pieces


def _cut(begin: int, end: int) -> list[tuple[int, int]]:
    """The span, cut at the first and last beat inside it when it has a triplet's end: no note value spans both."""
    sixteenth = TICKS_PER_BEAT // 4
    cuts = {begin, end}
    if begin % sixteenth or end % sixteenth:
        first, last = -(-begin // TICKS_PER_BEAT) * TICKS_PER_BEAT, end // TICKS_PER_BEAT * TICKS_PER_BEAT
        cuts |= {tick for tick in (first, last) if begin < tick < end}
    ticks = sorted(cuts)
    return list(itertools.pairwise(ticks))
