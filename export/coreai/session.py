"""A Core AI asset, opened once and called many times: the runtime's asynchronous interface behind a plain call."""

import asyncio
import weakref
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeacc.errors import BadInput
from edgeacc.export.exporter import INPUT_NAME, OUTPUT_NAME, Outputs
from edgeacc.export.quiet import UNREADABLE, contained
from edgeacc.files import sha256


class AssetSession:
    """One loaded function of an asset, with the event loop in which the runtime lives until the session is dropped."""

    def __init__(self, asset: Path) -> None:
        """Load the asset and its function `main`.

        Raises:
            BadInput: not an asset of an encoder, damaged, or refused by the runtime.
        """
        _refuse_damaged(asset)
        self._loop = asyncio.new_event_loop()
        self._open = AsyncExitStack()
        weakref.finalize(self, _close, self._loop, self._open)
        try:
            with contained():
                self._function = self._loop.run_until_complete(_load(asset, self._open))
        except UNREADABLE as error:
            problem = f"{asset} cannot be opened by the Core AI runtime: {type(error).__name__}: {error}"
            raise BadInput(problem, valid="an asset as `edgeacc export --target coreai` writes it") from error
        inputs, self._outputs = self._function.desc.input_names, self._function.desc.output_names
        if inputs != [INPUT_NAME] or self._outputs[:1] != [OUTPUT_NAME]:
            raise BadInput(
                f"{asset} has inputs {inputs} and outputs {self._outputs}",
                valid=f"{[INPUT_NAME]} and {[OUTPUT_NAME]}, with or without heads",
            )

    def __call__(self, acc_BCT: NDArray[np.float32]) -> Outputs:
        """Embed one window (1, 3, T) float32: its outputs, the embedding (1, D) float32 first."""
        from coreai.runtime import NDArray as Array

        inputs = {INPUT_NAME: Array(np.ascontiguousarray(acc_BCT, dtype=np.float32))}
        outputs = self._loop.run_until_complete(self._function(inputs))
        return tuple(outputs[name].numpy().copy() for name in self._outputs)


def _refuse_damaged(asset: Path) -> None:
    """Compare the program with the hash beside it, which coreai-core 1.0.0b3 writes but does not check.

    Its runtime ends the whole process (abort or segmentation fault) on a program that is missing or damaged.
    """
    program, digest = asset / "main.mlirb", asset / "main.hash"
    intact = program.is_file() and digest.is_file() and bytes.fromhex(sha256(program)) == digest.read_bytes()
    if not intact or not (asset / "metadata.json").is_file():
        raise BadInput(f"{asset} is missing, damaged or no Core AI asset", valid="an undamaged .aimodel folder")


async def _load(asset: Path, keep_open: AsyncExitStack) -> Any:  # noqa: ANN401
    from coreai.authoring import AIModelAsset

    model = await keep_open.enter_async_context(AIModelAsset.load(asset).executable())
    return model.load_function("main")


def _close(loop: asyncio.AbstractEventLoop, keep_open: AsyncExitStack) -> None:
    loop.run_until_complete(keep_open.aclose())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
