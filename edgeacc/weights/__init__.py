"""The students that come with edgeacc, each a checkpoint with a card beside it (`edgeacc ls students`)."""

from pathlib import Path

SHIPPED = Path(__file__).parent
DEFAULT = "conv-s"
"""What is exported where no checkpoint is named."""


def shipped() -> dict[str, Path]:
    """Name of a student -> its checkpoint."""
    return {path.parent.name: path.parent for path in sorted(SHIPPED.glob("*/config.json"))}


def checkpoint(asked: Path | None) -> Path:
    """The checkpoint that is meant: the folder, or where there is none of that name a shipped student; None: DEFAULT.

    It may not exist: whoever reads it says so.
    """
    if asked is not None and asked.exists():
        return asked
    name = DEFAULT if asked is None else str(asked)
    return shipped().get(name, Path(name))
