"""Where recordings are read and cut: here, or on a Ray cluster; the store is the same, byte for byte."""

import logging
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence

from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.recordings.registry import Found
from edgeacc.windows.read import CutRecording

Work = Callable[[Found], Iterable[CutRecording | BadInput]]
Engine = Callable[[Work, Sequence[Found]], Iterator[Iterable[CutRecording | BadInput]]]
"""Does the work on each file and gives the outcomes, file by file in the order given."""

ANSWER_S = 5.0
"""How long a cluster may take to answer (our choice)."""


def locally(work: Work, found: Sequence[Found]) -> Iterator[Iterable[CutRecording | BadInput]]:
    """One file after another, one recording of it in memory at a time."""
    return map(work, found)


def on_ray(work: Work, found: Sequence[Found]) -> Iterator[Iterable[CutRecording | BadInput]]:
    """On the Ray cluster that RAY_ADDRESS names, else on one that is started here and ended behind it.

    Every worker sees the files under the same paths. What a worker was at when it died is done again by another
    (Ray Data retries). The outcomes come back through Ray's object store, a file's recordings together.

    Raises:
        NotPossibleHere: Ray is not installed, or there is no cluster at RAY_ADDRESS.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # or Ray tells its makers of every start
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise NotPossibleHere("Ray is not installed", next_command="pip install 'edgeacc[ray]'") from error

    def one(row: dict[str, int]) -> dict[str, object]:
        return {"outcomes": list(work(found[row["item"]]))}

    _require_answer(os.environ.get("RAY_ADDRESS", ""))
    try:
        dashboard = None if "RAY_ADDRESS" in os.environ else False
        ray.init(include_dashboard=dashboard, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError) as error:
        raise NotPossibleHere(f"no Ray cluster: {str(error).splitlines()[0]}", valid="RAY_ADDRESS of one") from error
    try:
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.execution_options.preserve_order = True
        items = ray.data.from_items([{"item": item} for item in range(len(found))], override_num_blocks=len(found))
        for row in items.map(one).iter_rows():
            yield row["outcomes"]
    finally:
        ray.shutdown()


def _require_answer(address: str) -> None:
    """Refuse an address HOST:PORT at which nobody listens, for which Ray itself would wait minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not (host and port.isdigit()):
        return
    try:
        socket.create_connection((host, int(port)), timeout=ANSWER_S).close()
    except OSError as error:
        raise NotPossibleHere(
            f"no Ray cluster answers at RAY_ADDRESS={address}: {error}", valid="HOST:PORT of one"
        ) from error


ENGINES: dict[str, Engine] = {"local": locally, "ray": on_ray}
