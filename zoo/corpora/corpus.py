"""A corpus: a folder of MIDI files, read into Songs, with what was skipped and why, and a reproducible split."""

from __future__ import annotations

import difflib
import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from zoo import _home
from zoo._errors import UserError
from zoo._files import printable, read_json
from zoo.corpora import recipes
from zoo.midi import Reading, parse_all
from zoo.midi.smf import is_midi
from zoo.song import COLUMNS, TICKS_PER_BEAT, Song, in_order

SPLITS = ("train", "valid", "test")
BORDERS = {"train": (0.0, 0.8), "valid": (0.8, 0.9), "test": (0.9, 1.0)}  # shares of the hashes, or of a piece
FEWEST_PIECES = 5  # fewer distinct ones are split inside each piece
HELD_OUT = (0.08, 0.12)  # least and most of the pieces, and of the beats, that validation has, and test
FEWEST_HELD_OUT = 5  # pieces of each, where there are ten times as many
NEARER = 0.01  # share of the corpus that a split may be farther off rather than take a group from the far end
MIDI = (".mid", ".midi", ".kar", ".rmi", ".smf")
ARCHIVES = (".zip", ".rar", ".7z", ".gz", ".tgz", ".bz2", ".xz", ".tar")
OTHER_MUSIC = (  # scores and projects that people take for MIDI
    *(".mxl", ".musicxml", ".abc", ".krn", ".mei", ".ly", ".mscz", ".mscx", ".sib", ".nwc", ".mus", ".musx", ".enc"),
    *(".gp", ".gp3", ".gp4", ".gp5", ".gpx", ".gtp", ".ptb", ".capx", ".cap"),
)


@dataclass(frozen=True)
class Corpus:
    """Songs in three splits, each in order of path.

    Args:
        name: what to call it; the folder's name, or the recipe's.
        folder: where its MIDI files are.
        train: the songs to learn from; a song's name is its path below `folder`, without suffix.
        valid: those to validate on.
        test: those that are held out.
        skipped: (path below `folder` or piece, reason) of everything that could not be used.
        duplicates: (path, path) of songs that are the same but for transposition, tracks and velocities.
        drum_notes: how many notes of drums were dropped.
        empty_notes: how many notes of no length were left out.
        unended_notes: how many notes have no note-off and were closed.
        in_seconds: names of the pieces without a beat, which are read in seconds.
        pedal: whether the sustain pedal was honoured.
        warnings: sentences that a person should read.
        digest: SHA-256 of paths, music and split as hexadecimal digits; independent of name and place.
    """

    name: str
    folder: Path
    train: list[Song]
    valid: list[Song]
    test: list[Song]
    skipped: list[tuple[str, str]]
    duplicates: list[tuple[str, str]]
    drum_notes: int
    warnings: list[str]
    digest: str
    empty_notes: int = 0
    unended_notes: int = 0
    in_seconds: list[str] = field(default_factory=list)
    pedal: bool = True

    def left_out(self) -> dict[str, int]:
        """What became of notes that were not read as they stand: how many, where there are any."""
        counts = {
            "of drums were dropped": self.drum_notes,
            "of no length were left out": self.empty_notes,
            "without an end were closed": self.unended_notes,
        }
        return {what: count for what, count in counts.items() if count}

    def describe(self) -> dict:
        """The corpus in figures, ready for JSON: everything but the music; `beats` are quarter notes."""
        return {
            "name": self.name,
            "folder": str(self.folder),
            "digest": self.digest,
            "splits": {split: _figures(getattr(self, split)) for split in SPLITS},
            "skipped": [list(entry) for entry in self.skipped],
            "duplicates": [list(pair) for pair in self.duplicates],
            "drum_notes": self.drum_notes,
            "empty_notes": self.empty_notes,
            "unended_notes": self.unended_notes,
            "in_seconds": list(self.in_seconds),
            "pedal": self.pedal,
            "warnings": list(self.warnings),
        }


def load_corpus(
    name_or_folder: str | Path,
    datasets: Path | str | None = None,
    progress: Callable[[int, int], None] | None = None,
    pedal: bool = True,
) -> Corpus:
    """Read a corpus; a named one is built first if it is not there yet.

    A folder with `train/`, `valid/` and `test/` keeps that split. Otherwise a hash of each piece's notes decides, so
    that copies and transpositions fall together. Validation and test are held to a tenth of the pieces and of the beats
    each (8 to 12 %), and to five pieces where there are fifty; new files move few others. Fewer than five distinct
    pieces are split by time, 80/10/10, at whole beats.

    Args:
        name_or_folder: a name of `recipes.NAMES`, or a folder: a Path, or a text with a slash or a dot in it.
        datasets: where named corpora are built, in a folder each; None is `datasets/` in the working folder, or in the
            folder that ZOO_HOME names.
        progress: called with (done, total), while building and again while reading.
        pedal: whether notes sound while the sustain pedal is down; see `parse_midi`.

    Raises:
        UserError: when there is no such name or folder, when it holds no usable music, too little to split, or a
            split of its own is empty.
    """
    datasets = _home.datasets() if datasets is None else Path(datasets)
    name, folder = _locate(name_or_folder, datasets)
    if name in recipes.NAMES and folder == datasets / name and not (folder / "recipe.json").exists():
        recipes.build(name, folder, progress)
    readings, skipped = _read(folder, progress, pedal)
    songs = [reading.song for reading in readings]
    if (folder / "recipe.json").is_file():
        made = read_json(folder / "recipe.json")
        if isinstance(made, dict) and made.get("name") in recipes.NAMES:
            try:
                skipped += [(printable(piece), printable(reason)) for piece, reason in made["skipped"]]
            except (KeyError, TypeError, ValueError):
                raise UserError(
                    f"{folder / 'recipe.json'} is damaged; remove it, or have the corpus made anew."
                ) from None

    groups = defaultdict(list)
    for song in songs:
        groups[_fingerprint(song)].append(song)
    warnings, present = [], [split for split in SPLITS if (folder / split).is_dir()]
    if len(present) == len(SPLITS):
        splits = _official_split(songs, folder)
        across = sum(len({song.name.split("/")[0] for song in group}) > 1 for group in groups.values())
        if across:
            warnings.append(f"{across} pieces stand in more than one split; they are listed as duplicates.")
    else:
        if present:
            warnings.append(f"of train/, valid/ and test/ there is only {' and '.join(present)}, so all is split anew.")
        if len(groups) >= FEWEST_PIECES:
            splits = _split_by_hash(groups)
        else:
            splits = _split_by_time(songs, folder)
            warnings.append(f"fewer than {FEWEST_PIECES} distinct pieces: each is split by time, 80/10/10.")
    in_seconds = [reading.song.name for reading in readings if reading.in_seconds]
    if in_seconds:
        have, they = ("has", "it is") if len(in_seconds) == 1 else ("have", "they are")
        count = f"{len(in_seconds)} of {len(songs)} pieces"
        warnings.append(f"{count} {have} no beat: {they} read in seconds, half a second a beat.")
    for split in splits.values():
        split.sort(key=lambda song: song.name)
    duplicates = [(group[0].name, copy.name) for group in groups.values() for copy in group[1:]]
    return Corpus(
        name=name,
        folder=folder,
        **splits,
        skipped=skipped,
        duplicates=sorted(duplicates),
        drum_notes=sum(reading.drums for reading in readings),
        warnings=warnings,
        digest=_digest(splits),
        empty_notes=sum(reading.empty for reading in readings),
        unended_notes=sum(reading.unended for reading in readings),
        in_seconds=in_seconds,
        pedal=pedal,
    )


def _locate(name_or_folder: str | Path, datasets: Path) -> tuple[str, Path]:
    """Name and folder of a corpus."""
    if not isinstance(name_or_folder, (str, os.PathLike)):
        raise UserError(f"a corpus is a name or a folder, not {name_or_folder!r}.")
    text = os.fspath(name_or_folder)
    if isinstance(name_or_folder, str) and not any(mark in text for mark in ("/", os.sep, ".")):
        if text in recipes.NAMES:
            return text, datasets / text
        near = difflib.get_close_matches(text.lower(), recipes.NAMES, n=1)
        hint = f", did you mean {near[0]}?" if near else ","
        slash = f"and a folder is written with a slash, as in ./{text or 'music'}"
        if text and Path(text).is_dir():
            hint, slash = ",", f"and the folder here is written with a slash: ./{text}"
        raise UserError(f"{text!r} is no named corpus{hint} named ones are {', '.join(recipes.NAMES)}, {slash}.")
    folder = Path(text).expanduser()
    if not os.path.exists(folder):  # of Path, it raises when the name is too long
        raise UserError(f"{folder} does not exist; give the folder where the MIDI files are.")
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; give the folder where the MIDI files are.")
    return printable(folder.resolve().name) or "corpus", folder


def _read(
    folder: Path, progress: Callable[[int, int], None] | None, pedal: bool
) -> tuple[list[Reading], list[tuple[str, str]]]:
    """What was read, in order of path; and (path, reason) of files that cannot be used."""
    paths, skipped = midi_files(folder)
    official = all((folder / split).is_dir() for split in SPLITS)
    if not paths:
        hint = f" ({skipped[0][0]}: {skipped[0][1]})" if skipped else ""
        raise UserError(f"{folder} holds no MIDI file (.mid, .midi, .kar or .rmi){hint}; give a folder that does.")
    outside = [path for path in paths if official and path.split("/")[0] not in SPLITS]
    refused = dict.fromkeys(outside, "it lies outside of train/, valid/ and test/")
    inside, readings = [path for path in paths if path not in refused], []
    files = [(os.path.join(folder, path), os.path.splitext(printable(path))[0]) for path in inside]
    for done, (path, found) in enumerate(zip(inside, parse_all(files, pedal), strict=True), start=1):
        if isinstance(found, Reading):
            readings.append(found)
        else:
            refused[path] = found.reason
        if progress and (done % 100 == 0 or done == len(inside)):
            progress(done, len(inside))
    skipped += [(printable(path), refused[path]) for path in paths if path in refused]
    if not readings:
        reason, count = Counter(reason for _, reason in skipped).most_common(1)[0]
        raise UserError(
            f"none of the {len(paths)} MIDI files in {folder} can be used, "
            f"most often ({count}) because {reason}; give another folder."
        )
    return readings, skipped


def midi_files(folder: Path) -> tuple[list[str], list[tuple[str, str]]]:
    """Paths of MIDI files below `folder`, by name or content, and (path, reason) of what else may hold music.

    The paths have slashes and are in order, hidden files left out; the others are folders that cannot be listed,
    archives, and music of other formats.
    """
    paths, skipped, seen = [], [], set()

    def failed(error: OSError) -> None:
        place = printable(Path(error.filename).relative_to(folder).as_posix())
        skipped.append((place, (error.strerror or str(error)).lower()))

    for place, below, files in os.walk(folder, onerror=failed, followlinks=True):
        identity = os.stat(place)
        if (identity.st_dev, identity.st_ino) in seen:  # a link led back here
            below.clear()
            continue
        seen.add((identity.st_dev, identity.st_ino))
        below[:] = sorted(name for name in below if not name.startswith("."))
        relative = Path(place).relative_to(folder).as_posix() + "/"
        for name in files:
            if name.startswith("."):
                continue
            path = f"{relative}{name}".removeprefix("./")
            if name.lower().endswith(MIDI) or _holds_midi(os.path.join(place, name)):
                paths.append(path)
            elif reason := _why_not(name):
                skipped.append((printable(path), reason))
    return sorted(path for path in paths if os.path.isfile(os.path.join(folder, path))), sorted(skipped)


def _holds_midi(path: str) -> bool:
    """Whether an ordinary file that can be read begins like MIDI."""
    try:
        if not os.path.isfile(path):  # a pipe would wait for ever
            return False
        with open(path, "rb", buffering=0) as file:
            return is_midi(file.read(12))
    except OSError:
        return False


def _why_not(name: str) -> str | None:
    """Why a file of that name is skipped; None for what nobody takes for music, or when it is read."""
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    if not suffixes:
        return None
    if suffixes[-1] in ARCHIVES:
        return "it is an archive; unpack it first"
    if suffixes[-1] in OTHER_MUSIC:
        return f"it is {suffixes[-1]}, not MIDI; export it as MIDI"
    if any(suffix in MIDI for suffix in suffixes):
        return "it is not a MIDI file"
    return None


def _fingerprint(song: Song) -> bytes:
    """SHA-256 of (start, duration, pitch above the lowest) of all notes: the same for copies and transpositions."""
    notes = np.array([song.start, song.duration, song.pitch - song.pitch.min()], np.int64)
    return hashlib.sha256(in_order(notes, (0, 2, 1), notes.max(1).tolist()).astype("<i4").tobytes()).digest()


def _official_split(songs: list[Song], folder: Path) -> dict[str, list[Song]]:
    splits = {split: [song for song in songs if song.name.startswith(f"{split}/")] for split in SPLITS}
    for split in SPLITS:
        if not splits[split]:
            raise UserError(
                f"{folder / split} holds no usable MIDI file; fill it, or rename it to have all split anew."
            )
    return splits


def _split_by_hash(groups: dict[bytes, list[Song]]) -> dict[str, list[Song]]:
    """80/10/10 by fingerprint; at least five groups, none is parted.

    A group belongs to the split where its hash falls. Where chance has left a held-out split outside of its bounds, of
    pieces or of beats, groups change places with the training split, one or two at a time, near ones rather than far
    ones: so that files that are added move few others.
    """
    keys = sorted(groups)  # in order of the hash
    places = np.array([int.from_bytes(key[:8], "big") / 2**64 for key in keys])
    sizes = np.array([(len(groups[key]), sum(song.beats for song in groups[key])) for key in keys], float)
    total, split = sizes.sum(axis=0), np.full(len(keys), "train")
    low, high = (share * total for share in HELD_OUT)
    fewest = FEWEST_HELD_OUT if total[0] >= 10 * FEWEST_HELD_OUT else 1
    bounds = np.maximum([[np.floor(low[0]), low[1]], [np.ceil(high[0]), high[1]]], [fewest, 0])
    for name, (begin, end) in BORDERS.items():
        split[(begin <= places) & (places < end)] = name
    for name in ("valid", "test"):
        begin, end = BORDERS[name]
        chosen, free = split == name, np.isin(split, (name, "train"))
        outside = np.maximum(begin - places, places - end).clip(0)
        split[free] = np.where(_held(chosen[free], sizes[free], bounds, total, outside[free]), name, "train")
    return {name: [song for index in np.flatnonzero(split == name) for song in groups[keys[index]]] for name in SPLITS}


def _held(
    chosen: np.ndarray, sizes: np.ndarray, bounds: np.ndarray, total: np.ndarray, outside: np.ndarray
) -> np.ndarray:
    """Which groups a held-out split gets, (groups,) bool.

    `chosen` is changed until its sums lie in the bounds or no change of one or two groups brings them nearer.

    Args:
        chosen: (groups,) bool, which it has by their hashes.
        sizes: (groups, 2) pieces and beats of each.
        bounds: (2, 2) least and most pieces and beats of the split.
        total: (2,) pieces and beats of the corpus.
        outside: (groups,) how far the hash of each lies outside of the split's own, 0–1.
    """

    def faults(sums: np.ndarray) -> np.ndarray:
        """How far sums (…, 2) lie outside of the bounds, as shares of the corpus."""
        return (np.maximum(bounds[0] - sums, sums - bounds[1]).clip(0) / total).sum(-1)

    chosen = chosen.copy()
    fault = faults(sizes[chosen].sum(0))
    while fault > 0:
        # Row or column 0 stands for no group: to add one, to give one up, or to exchange two.
        inside, others = np.flatnonzero(chosen), np.flatnonzero(~chosen)
        given, taken = (np.concatenate([np.zeros((1, 2)), sizes[part]]) for part in (inside, others))
        after = faults(sizes[chosen].sum(0) - given[:, None] + taken)
        cost = np.where(after < fault, after + NEARER * np.concatenate([[0], outside[others]]), np.inf)
        give, take = np.unravel_index(np.argmin(cost), cost.shape)
        if after[give, take] >= fault:
            break
        fault = after[give, take]
        chosen[inside[give - 1 : give]] = False
        chosen[others[take - 1 : take]] = True
    return chosen


def _split_by_time(songs: list[Song], folder: Path) -> dict[str, list[Song]]:
    """The first 80 % of each song's beats, the next 10 %, the rest; a part without notes is left out."""
    splits: dict[str, list[Song]] = {split: [] for split in SPLITS}
    for song in songs:
        beats = -(-song.length // TICKS_PER_BEAT)
        first = min(int(0.8 * beats), beats - 2)
        second = max(int(0.9 * beats), first + 1)
        if first < 1:
            splits["train"].append(song)
            continue
        for split, begin, end in zip(SPLITS, (0, first, second), (first, second, beats), strict=True):
            part = song.crop(begin * TICKS_PER_BEAT, end * TICKS_PER_BEAT)
            if len(part):
                splits[split].append(part)
    if not all(splits.values()):
        raise UserError(f"the music in {folder} is too short to be split in three; add more or longer pieces.")
    return splits


def _figures(songs: list[Song]) -> dict:
    return {
        "pieces": len(songs),
        "notes": sum(len(song) for song in songs),
        "beats": sum(song.beats for song in songs),
    }


def _digest(splits: dict[str, list[Song]]) -> str:
    digest = hashlib.sha256()
    for split, songs in splits.items():
        for song in songs:
            facts = (split, song.name, len(song), song.length, song.programs, song.time_signatures, song.tempo)
            digest.update(repr(facts).encode())
            for column in COLUMNS:
                digest.update(getattr(song, column).astype("<i4", copy=False))
    return digest.hexdigest()
