"""The work on one file of recordings: read and cut. It knows nothing of the other files, so it may run anywhere."""

from collections import Counter
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from edgeacc.errors import BadInput
from edgeacc.recordings.recording import Recording
from edgeacc.recordings.registry import Found
from edgeacc.signals.contract import SignalContract
from edgeacc.windows import columns
from edgeacc.windows.cut import Cut, Device, cut
from edgeacc.windows.salt import Salt


@dataclass(frozen=True)
class CutRecording:
    """One recording, its windows numbered from 0 on and nobody's yet.

    Attributes:
        participant: whose it is, as the files say.
        digest: the salted hash of what was read.
        done: its windows and what was rejected; None of a recording that is known.
        has_ppg: whether there was anything to pair.
        format: as `Recording`.
        device: as `Recording`.
        notes: as `Recording`.
        acc_step_g: the accelerometer's resolution; None where nothing moves.
    """

    participant: str
    digest: str
    done: Cut | None
    has_ppg: bool
    format: str
    device: str
    notes: tuple[str, ...]
    acc_step_g: float | None


def read_and_cut(
    one: Found, *, contract: SignalContract, salt: Salt, known: AbstractSet[str]
) -> Iterator[CutRecording | BadInput]:
    """Read what was found, one recording after another; what is malformed ends it, as the mistake itself.

    Args:
        one: where a recording or several are.
        contract: of the windows.
        salt: of the store.
        known: hashes of recordings that need not be cut.
    """
    try:
        for recording in one.read():
            outcome = _cut(recording, contract, salt, known)
            del recording  # not beside its windows while these are written, nor beside the next
            yield outcome
            del outcome
    except BadInput as mistake:
        yield mistake


def _cut(recording: Recording, contract: SignalContract, salt: Salt, known: AbstractSet[str]) -> CutRecording:
    digest = salt.recording(recording)
    done = None
    if digest not in known:
        done = cut(recording, contract) if recording.ppg is not None else _nothing(recording, contract)
    return CutRecording(
        participant=recording.participant,
        digest=digest,
        done=done,
        has_ppg=recording.ppg is not None,
        format=recording.format,
        device=recording.device,
        notes=recording.notes,
        acc_step_g=None if done is None else recording.acc.step,
    )


def _nothing(recording: Recording, contract: SignalContract) -> Cut:
    """Nothing, but the account of it, of a recording without PPG."""
    recorded_s = recording.acc.end_s - recording.acc.start_s
    return Cut(columns.empty(0, 0, contract), Counter(), recorded_s, Device({}, None, None))
