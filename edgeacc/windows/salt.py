"""The salt of a store of recordings: a secret that lies beside the store, never in it, and turns names into numbers.

Hashes are BLAKE2b with the salt as key. Without the salt nobody can try out names (`S01`, `S02` ...) against a store.
"""

import hashlib
import json
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeacc import files
from edgeacc.errors import BadInput
from edgeacc.recordings.recording import Recording, Stream

SALT_BYTES = 32
PARTICIPANT_BITS = 53
"""A participant's number has so many bits: JSON readers that know no larger whole numbers keep it."""
RECORDING_BITS = 33
"""With 10^9 windows each, a recording's number of so many bits leaves window numbers within int64."""


@dataclass(frozen=True)
class Salt:
    """The secret and what it makes of names and contents."""

    secret: bytes

    @property
    def check(self) -> str:
        """What a store keeps to know its salt again; it does not lead back to the salt."""
        return self._hash("check", b"").hexdigest()

    def participant(self, set_name: str, name: str) -> int:
        """The opaque number of the person `name` of a set of recordings: 0 to 2^53 - 1."""
        return _leading_bits(
            self._hash("participant", json.dumps([set_name, name]).encode()).digest(), PARTICIPANT_BITS
        )

    def name(self, name: str) -> str:
        """32 hexadecimal digits that two people of one name share."""
        return self._hash("name", name.encode()).hexdigest()

    def recording(self, recording: Recording) -> str:
        """32 hexadecimal digits over all that was read: every sample and its time, whatever file it was in."""
        hashed = self._hash("recording", b"")
        for stream in (recording.acc, recording.ppg, recording.intervals, recording.reference, recording.ecg):
            _feed(hashed, stream)
        return hashed.hexdigest()

    def _hash(self, kind: str, content: bytes) -> "hashlib.blake2b":
        return hashlib.blake2b(content, key=self.secret, person=kind.encode(), digest_size=16)


def salt_path(store: Path) -> Path:
    """Where the salt of a store lies: `STORE.salt` beside the folder `STORE`."""
    return store.with_name(f"{store.name}.salt")


def read_salt(store: Path) -> Salt | None:
    """The salt beside a store, or beside the place of one to come; None where there is none.

    Raises:
        BadInput: the file is no salt.
    """
    path = salt_path(store)
    try:
        text = path.read_bytes().decode("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadInput(f"cannot read the salt {path}: {error.strerror}", valid="the file as edgeacc made it") from error
    if not re.fullmatch(rf"[0-9a-f]{{{2 * SALT_BYTES}}}", text):
        raise BadInput(f"{path} is no salt", valid=f"{2 * SALT_BYTES} hexadecimal digits, as edgeacc made it")
    return Salt(bytes.fromhex(text))


def new_salt() -> Salt:
    """A salt drawn by the system."""
    return Salt(secrets.token_bytes(SALT_BYTES))


def keep_salt(salt: Salt, store: Path) -> None:
    """Write a salt beside a store, for its owner alone to read.

    Raises:
        BadInput: there is one already.
        NotPossibleHere: no space left.
    """
    with files.replacing(salt_path(store)) as beside:
        beside.touch(mode=0o600)
        beside.write_text(salt.secret.hex() + "\n")


def number_of(recording_hash: str) -> int:
    """The number that a recording's hash suggests: 0 to 2^33 - 1."""
    return _leading_bits(bytes.fromhex(recording_hash), RECORDING_BITS)


def _leading_bits(digest: bytes, bits: int) -> int:
    return int.from_bytes(digest, "big") >> (8 * len(digest) - bits)


def _feed(hashed: "hashlib.blake2b", stream: Stream | None) -> None:
    if stream is None:
        hashed.update(b"none")
        return
    about = (stream.unit, stream.start_s, stream.rate_hz, stream.range, stream.clock, stream.samples_CN.shape)
    hashed.update(json.dumps(about).encode())
    hashed.update(np.ascontiguousarray(stream.samples_CN, "<f4").data)
    if stream.times_s is not None:
        hashed.update(np.ascontiguousarray(stream.times_s, "<f8").data)
