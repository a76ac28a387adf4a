"""A corpus: a folder of MIDI files, read into Songs, with what was skipped and why, and a reproducible split."""

from __future__ import annotations

import difflib
import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from zoo import _home
from zoo._errors import UserError
from zoo._files import printable, read_json
from zoo.corpora import recipes, splits
from zoo.corpora.files import midi_files
from zoo.corpora.splits import FEWEST_PIECES, SPLITS
from zoo.corpora.stored import File, Found, StoredSongs, in_memory, on_disk, store_name, within
from zoo.midi import parse_all
from zoo.song import COLUMNS, Song

LARGE = 16 * 2**20  # bytes of MIDI files from which on music is kept on disk
# Notes by which models of a corpus on disk are measured; what baselines learn from, and what is scored.
MEASURED = {"train": 2**19, "valid": 2**17, "test": 2**17}


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
    train: Sequence[Song]
    valid: Sequence[Song]
    test: Sequence[Song]
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

    def measured(self) -> Corpus:
        """The corpus itself; of one on disk as many songs of each split as can be measured in memory."""
        train, valid, test = (within(getattr(self, split), MEASURED[split]) for split in SPLITS)
        return replace(self, train=train, valid=valid, test=test)

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
    store: Path | str | None = None,
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
        store: a folder in which the music of more than LARGE bytes of MIDI files is kept once it is read, and from
            which it is taken song by song, so that it need not go into memory; None keeps all music there.

    Raises:
        UserError: when there is no such name or folder, when it holds no usable music, too little to split, or a
            split of its own is empty.
    """
    datasets = _home.datasets() if datasets is None else Path(datasets)
    name, folder = _locate(name_or_folder, datasets)
    if name in recipes.NAMES and folder == datasets / name and not (folder / "recipe.json").exists():
        recipes.build(name, folder, progress)
    found, skipped = _read(folder, progress, pedal, None if store is None else Path(store))
    songs = found.songs
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
    for place, fingerprint in enumerate(found.fingerprints):
        groups[fingerprint].append(place)
    warnings, present = [], [split for split in SPLITS if (folder / split).is_dir()]
    if len(present) == len(SPLITS):
        places = splits.official(found.names, folder)
        across = sum(len({found.names[at].split("/")[0] for at in group}) > 1 for group in groups.values())
        if across:
            warnings.append(f"{across} pieces stand in more than one split; they are listed as duplicates.")
    else:
        if present:
            warnings.append(f"of train/, valid/ and test/ there is only {' and '.join(present)}, so all is split anew.")
        places = splits.by_hash(groups, found.beats) if len(groups) >= FEWEST_PIECES else {}
    if places:
        for split in places.values():
            split.sort(key=found.names.__getitem__)
        parts = {split: _at(songs, places[split]) for split in SPLITS}
    else:
        parts = splits.by_time(sorted(songs, key=lambda song: song.name), folder)
        warnings.append(f"fewer than {FEWEST_PIECES} distinct pieces: each is split by time, 80/10/10.")
    if found.in_seconds:
        have, they = ("has", "it is") if len(found.in_seconds) == 1 else ("have", "they are")
        count = f"{len(found.in_seconds)} of {len(songs)} pieces"
        warnings.append(f"{count} {have} no beat: {they} read in seconds, half a second a beat.")
    if isinstance(songs, StoredSongs):
        warnings.append(
            f"the music is kept in {songs.folder}; models are measured by {MEASURED['test']:,} notes of the test "
            f"music, baselines learn from {MEASURED['train']:,} notes."
        )
    duplicates = [(found.names[group[0]], found.names[copy]) for group in groups.values() for copy in group[1:]]
    return Corpus(
        name=name,
        folder=folder,
        **parts,
        skipped=skipped,
        duplicates=sorted(duplicates),
        drum_notes=found.drums,
        warnings=warnings,
        digest=_stored_digest(places, found) if places and found.digests else _digest(parts),
        empty_notes=found.empty,
        unended_notes=found.unended,
        in_seconds=found.in_seconds,
        pedal=pedal,
    )


def _at(songs: Sequence[Song], places: list[int]) -> Sequence[Song]:
    return songs.at(places) if isinstance(songs, StoredSongs) else [songs[at] for at in places]


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
    folder: Path, progress: Callable[[int, int], None] | None, pedal: bool, store: Path | None
) -> tuple[Found, list[tuple[str, str]]]:
    """What was read, in order of path; and (path, reason) of files that cannot be used."""
    paths, skipped = midi_files(folder)
    official = all((folder / split).is_dir() for split in SPLITS)
    if not paths:
        hint = f" ({skipped[0][0]}: {skipped[0][1]})" if skipped else ""
        raise UserError(f"{folder} holds no MIDI file (.mid, .midi, .kar or .rmi){hint}; give a folder that does.")
    outside = [path for path in paths if official and path.split("/")[0] not in SPLITS]
    refused = dict.fromkeys(outside, "it lies outside of train/, valid/ and test/")
    inside = [path for path in paths if path not in refused]

    def counted() -> Iterator[str]:
        for done, path in enumerate(inside, start=1):
            yield path
            if progress and (done % 100 == 0 or done == len(inside)):
                progress(done, len(inside))

    readings = parse_all(((os.path.join(folder, at), os.path.splitext(printable(at))[0]) for at in inside), pedal)
    files = [] if store is None else [File.at(folder, path) for path in inside]
    if store is not None and sum(file.size for file in files) > LARGE:
        found = on_disk(store / store_name(files, pedal), counted(), readings)
    else:
        found = in_memory(counted(), readings)
    refused |= found.refused
    skipped += [(printable(path), refused[path]) for path in paths if path in refused]
    if not found.songs:
        reason, count = Counter(reason for _, reason in skipped).most_common(1)[0]
        raise UserError(
            f"none of the {len(paths)} MIDI files in {folder} can be used, "
            f"most often ({count}) because {reason}; give another folder."
        )
    return found, skipped


def _figures(songs: Sequence[Song]) -> dict:
    if isinstance(songs, StoredSongs):
        return {"pieces": len(songs), "notes": int(songs.notes.sum()), "beats": float(songs.beats.sum())}
    return {
        "pieces": len(songs),
        "notes": sum(len(song) for song in songs),
        "beats": sum(song.beats for song in songs),
    }


def _digest(parts: dict[str, Sequence[Song]]) -> str:
    digest = hashlib.sha256()
    for split, songs in parts.items():
        for song in songs:
            facts = (split, song.name, len(song), song.length, song.programs, song.time_signatures, song.tempo)
            digest.update(repr(facts).encode())
            for column in COLUMNS:
                digest.update(getattr(song, column).astype("<i4", copy=False))
    return digest.hexdigest()


def _stored_digest(places: dict[str, list[int]], found: Found) -> str:
    """The same of songs on disk, by the digest of each."""
    facts = [(split, [found.digests[at] for at in places[split]]) for split in SPLITS]
    return hashlib.sha256(repr(facts).encode()).hexdigest()
