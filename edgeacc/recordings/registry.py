"""The formats that can be read, and which of them a path holds: recognised by content, not by name.

A format is one module of this room with `NAME`, `recognise` and `read`, and one entry of `FORMATS`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

from edgeacc.errors import BadInput, unknown
from edgeacc.recordings import (
    aurora,
    axivity,
    dalia,
    e4,
    e4_zip,
    embraceplus,
    polar,
    sleep_accel,
    table,
    troika,
    tsdf,
    wfdb,
    wildppg,
)
from edgeacc.recordings.recording import AS_RECORDED, UNKNOWN, Recording
from edgeacc.recordings.table import TableMapping

HELP = "edgeacc ls formats"
OWNERS = "none with the format: that of the data's owner"
NOT_FOUND = "unknown: none found with the data"


class Reader(Protocol):
    """What a format's module has, beside its `NAME`."""

    def recognise(self, path: Path) -> bool:
        """Whether a folder or a file is a recording of this format, by its content; never raises for what is not."""

    def read(self, path: Path, participant: str) -> Recording | Iterable[Recording]:
        """Read it: one recording, or one after another; raises BadInput with the file and the place."""


class Format(NamedTuple):
    """One format: texts for people, and the module that reads it (none for tables, which need a mapping)."""

    name: str
    device: str
    files: str
    recognised_by: str
    checked_on: str
    reader: Reader | None
    licence: str = OWNERS
    """Of the data: a data set's, where the format is one's; else its owner's."""
    source: str = UNKNOWN
    """Where the format and, for a data set, its licence are described."""
    axes: str = AS_RECORDED
    suffix: str = ""
    """Of the files, where one is a recording: an empty one is no less a mistake for being beyond recognition."""

    def told(self) -> dict[str, str]:
        """What it is and how it is recognised: the texts of a table, by their names."""
        return {key: getattr(self, key) for key in ("name", "device", "files", "recognised_by", "checked_on")}

    def provenance(self) -> dict[str, str]:
        """Licence and source of the data, and what is known of the axes."""
        return {key: getattr(self, key) for key in ("licence", "source", "axes")}


FORMATS = {
    format.name: format
    for format in (
        Format(
            name=e4.NAME,
            device="Empatica E4",
            files="a folder with ACC.csv and BVP.csv (and IBI.csv)",
            recognised_by="a CSV file that begins with a Unix time and a rate",
            checked_on="28 real recordings",
            reader=e4,
            source="info.txt of an export; Stress-Predict (MIT): Iqbal et al., Sensors 22:8135, 2022",
        ),
        Format(
            name=e4_zip.NAME,
            device="Empatica E4",
            files="the .zip as exported, with ACC.csv and BVP.csv (and IBI.csv)",
            recognised_by="a ZIP archive with such a CSV file",
            checked_on="archives made by the tests of a real recording",
            reader=e4_zip,
            suffix=".zip",
            source="as empatica-e4",
        ),
        Format(
            name=embraceplus.NAME,
            device="Empatica EmbracePlus",
            files="an .avro file as the cloud gives it",
            recognised_by="an Avro file with Empatica's schema",
            checked_on="1 real recording",
            reader=embraceplus,
            suffix=".avro",
            source="Empatica's Avro schema, version 6; the file checked (Apache-2.0): doi 10.5281/zenodo.13838392",
        ),
        Format(
            name=polar.NAME,
            device="Polar Verity Sense, OH1",
            files="a folder with the text logs of accelerometer and PPG (and PP intervals)",
            recognised_by="the headers of the logs",
            checked_on="1 real recording",
            reader=polar,
            source="headers of the logs; the recording checked (MIT): sample data of the package BIOBSS",
        ),
        Format(
            name=tsdf.NAME,
            device="Verily Study Watch",
            files="a folder (or one with a folder for each sensor) of TSDF: *_meta.json and binary files",
            recognised_by="JSON files that describe an accelerometer's channels",
            checked_on="1 real recording",
            reader=tsdf,
            source="TSDF 0.1, arXiv 2211.11294; the recording checked (Apache-2.0): example data of ParaDigMa",
        ),
        Format(
            name=axivity.NAME,
            device="Axivity AX3, AX6",
            files="a .CWA file; accelerometer only, so `validate` reads it and `import` has nothing to pair",
            recognised_by="the header's first bytes",
            checked_on="1 real recording of an AX6; the AX3's packings on files made by the tests",
            reader=axivity,
            suffix=".cwa",
            source="Open Movement, AX3/AX6 data format; the file checked (Apache-2.0): test data of ParaDigMa",
        ),
        Format(
            name=dalia.NAME,
            device="Empatica E4, with a chest device",
            files="SX.pkl of PPG-DaLiA or WESAD (read without running the pickle)",
            recognised_by="a pickled dict that names wrist, ACC and BVP",
            checked_on="files made by the tests",
            reader=dalia,
            suffix=".pkl",
            licence="PPG-DaLiA: CC BY 4.0; WESAD: unknown, see its read-me",
            source="UCI repository, doi 10.24432/C53890 (PPG-DaLiA); Schmidt et al., ICMI 2018 (WESAD)",
        ),
        Format(
            name=troika.NAME,
            device="wristband of TROIKA (IEEE Signal Processing Cup 2015)",
            files="a MATLAB file with the variable sig",
            recognised_by="a MATLAB header and the variable sig",
            checked_on="files made by the tests",
            reader=troika,
            suffix=".mat",
            licence=NOT_FOUND,
            source="Zhang, Pi and Liu, IEEE Trans. Biomed. Eng. 62(2):522, 2015",
        ),
        Format(
            name=wildppg.NAME,
            device="WildPPG's sensors at four sites",
            files="a MATLAB file per person (v7.3 needs the extra formats)",
            recognised_by="a MATLAB header and the variables wrist and ankle",
            checked_on="files made by the tests",
            reader=wildppg,
            suffix=".mat",
            licence="MIT, by the card of its data set at Hugging Face (eth-siplab/WildPPG)",
            source="Meier, Demirel and Holz, NeurIPS 2024, arXiv 2412.17540",
        ),
        Format(
            name=wfdb.NAME,
            device="any, as a WFDB record (PhysioNet)",
            files="a header .hea beside its .dat (formats 16, 24, 32, 212) and beats .atr or .qrs",
            recognised_by="a header with an accelerometer's x, y and z",
            checked_on="files made by the tests",
            reader=wfdb,
            suffix=".hea",
            licence="that of the record's data set: its page at PhysioNet tells it",
            source="WFDB Applications Guide, header(5), signal(5), annot(5)",
        ),
        Format(
            name=aurora.NAME,
            device="Aurora-BP's wrist devices",
            files="a tab-separated file per measurement",
            recognised_by="a first line with t, optical and accel_x, accel_y, accel_z",
            checked_on="files made by the tests",
            reader=aurora,
            suffix=".tsv",
            licence="data use agreement: no sharing, no use outside the proposal approved",
            source="Mieloszyk et al., IEEE J. Biomed. Health Inform. 26(7), 2022; the read-me of aurorabp-sample-data",
        ),
        Format(
            name=sleep_accel.NAME,
            device="Apple Watch (PhysioNet sleep-accel)",
            files="NUMBER_acceleration.txt; accelerometer only, so `import` has nothing to pair",
            recognised_by="rows of a time, some ms apart, and three axes of about 1 g",
            checked_on="files made by the tests",
            reader=sleep_accel,
            licence="open access at PhysioNet; which licence: unknown, see its page",
            source="Walch et al., Sleep 42(12):zsz180, 2019; doi 10.13026/hmhs-py35",
        ),
        Format(
            name=table.NAME,
            device="any",
            files="a CSV or Parquet file with one row per sample, and --mapping FILE",
            recognised_by="nothing: the mapping says what is what",
            checked_on="files made by the tests",
            reader=None,
            source="the mapping",
        ),
    )
}


class Found(NamedTuple):
    """A place that holds a recording, or a table with those of several participants; not yet read."""

    path: Path
    format: str
    read: Callable[[], Iterable[Recording]]
    """Reads it; raises BadInput for a malformed file: which, which line, what was expected."""


def find(path: Path, format_name: str | None = None, mapping: TableMapping | None = None) -> list[Found]:
    """The recordings at a path, which is one recording or a folder that holds some at any depth.

    The participant is the first folder (or the file) below `path` on the way to a recording, or `path` itself if it is
    the recording: `SET/S01/...` and `SET/S01/monday/...` both belong to S01.

    Args:
        path: where to look.
        format_name: look for this format only; without it, any.
        mapping: for tables; given without a format it means `table`.

    Raises:
        BadInput: the path does not exist, no such format, a table without a mapping, a mapping for another format, or
            nothing found there; an empty file where a recording should be.
    """
    name = format_name or (table.NAME if mapping else None)
    if name is not None and name not in FORMATS:
        raise unknown("format", name, list(FORMATS), next_command=HELP)
    if mapping is not None and name != table.NAME:
        raise BadInput(f"a mapping has no part in the format {name}", valid=f"--format {table.NAME}, or no --mapping")
    if not path.exists():
        raise BadInput(f"{path} does not exist", valid="a recording, or a folder of recordings")
    if name == table.NAME:
        found = _tables(path, mapping)
    else:
        found = [
            Found(place, kind.name, partial(_read, kind, reader, place, _participant(path, place)))
            for place, kind, reader in _recordings(path, [FORMATS[name]] if name else list(FORMATS.values()))
        ]
    if not found and name is None and (table.is_table(path) or any(map(table.is_table, path.glob("*")))):
        raise _needs_mapping(path)
    if not found:
        known = "; ".join(f"{kind}: {FORMATS[kind].files}" for kind in ([name] if name else FORMATS))
        raise BadInput(f"{path} holds no recording that is known", valid=known, next_command=HELP)
    return found


def recognised(path: Path) -> Found | None:
    """The recording that a folder or a file is, as `find` gives it; None where it is none, though it may hold some."""
    for kind in FORMATS.values():
        if kind.reader is not None and kind.reader.recognise(path):
            return Found(path, kind.name, partial(_read, kind, kind.reader, path, _participant(path, path)))
    return None


def _recordings(path: Path, kinds: list[Format]) -> Iterator[tuple[Path, Format, Reader]]:
    """Each folder and file from `path` down that is a recording, with its format."""
    for kind in kinds:
        if kind.reader is not None and kind.reader.recognise(path):
            yield path, kind, kind.reader
            return
    if path.suffix.lower() in {kind.suffix for kind in kinds} - {""} and path.is_file() and not path.stat().st_size:
        raise BadInput(f"{path} is empty", valid="a whole file, or none")
    for below in sorted(path.iterdir()) if path.is_dir() else ():
        if not below.is_symlink():
            yield from _recordings(below, kinds)


def _read(kind: Format, reader: Reader, path: Path, participant: str) -> Iterator[Recording]:
    """The recordings; none is held here while whoever asked works on it, or has let go of it."""
    read = reader.read(path, participant)
    if isinstance(read, Recording):
        one = [read]
        del read
        yield _told(one.pop(), kind)
    else:
        yield from map(partial(_told, kind=kind), read)


def _told(recording: Recording, kind: Format) -> Recording:
    """The recording with what the registry knows of its format, and with its missing samples in the notes."""
    streams = (("accelerometer", recording.acc), ("PPG", recording.ppg), ("ECG", recording.ecg))
    missing = [f"{stream.missing} missing sample(s): {name}" for name, stream in streams if stream and stream.missing]
    notes = (*recording.notes, *missing)
    return replace(recording, notes=notes, licence=kind.licence, source=kind.source, axes=kind.axes)


def _needs_mapping(path: Path) -> BadInput:
    return BadInput(
        f"{path}: a table needs a mapping of its columns",
        valid=f"--mapping FILE, such as `{table.HELP}` prints",
        next_command=table.HELP,
    )


def _tables(path: Path, mapping: TableMapping | None) -> list[Found]:
    if mapping is None:
        raise _needs_mapping(path)
    files = [path] if path.is_file() else [file for file in sorted(path.rglob("*")) if table.is_table(file)]
    return [Found(file, table.NAME, partial(_read_table, file, _participant(path, file), mapping)) for file in files]


def _read_table(path: Path, participant: str, mapping: TableMapping) -> list[Recording]:
    return [_told(recording, FORMATS[table.NAME]) for recording in table.read(path, participant, mapping)]


def _participant(path: Path, place: Path) -> str:
    return path.resolve().name if place == path else place.relative_to(path).parts[0]
