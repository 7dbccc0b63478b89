"""The model that is simulated: compiled for firmware, its inputs, and the engines and images that run it."""

from dataclasses import dataclass
from pathlib import Path

from edgeacc.bundle.bundle import Bundle, open_bundle
from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.export.firmware.artifact import read_artifact
from edgeacc.export.firmware.compile import Compiled, Port, compile_model
from edgeacc.firmware_sim.boards import BOARDS, board_of
from edgeacc.firmware_sim.engines.image import read_image
from edgeacc.firmware_sim.images import image_of
from edgeacc.firmware_sim.run import run_model
from edgeacc.firmware_sim.simulate import CODE_UNKNOWN_BYTES, Emulator, Subject
from edgeacc.firmware_sim.tensors import drawn_input, read_inputs, stored
from edgeacc.firmware_sim.vela import VelaEstimate, vela_estimate

STATIC_INT8 = "a bundle of the recipe tflite-w8a8 or firmware-w8a8, or any static-int8 .tflite"


@dataclass(frozen=True)
class Model:
    """A compiled model with what it is run on.

    Attributes:
        subject: its sizes.
        compiled: for the runtime.
        inputs: of each inference that engines run.
        output: of the model.
        tflite: the file; None of a firmware bundle, which holds only what was compiled.
    """

    subject: Subject
    compiled: Compiled
    inputs: tuple[bytes, ...]
    output: Port
    tflite: Path | None

    def emulator(self) -> Emulator:
        """Runs it once on each core that is asked for."""
        return Emulator(lambda core: run_model(core, self.compiled, self.inputs), code_bytes, self._on_npu)

    def _on_npu(self, accelerator: str) -> VelaEstimate:
        if self.tflite is None:
            raise NotPossibleHere(
                f"Vela compiles a .tflite for {accelerator}, and a firmware bundle has none",
                next_command="edgeacc export CHECKPOINT --target tflite --recipe tflite-w8a8",
            )
        return vela_estimate(self.tflite, accelerator)


def code_bytes(core: str) -> int:
    """Of a core's image; an estimate where there is none here, or it cannot be read."""
    if core not in BOARDS:
        return CODE_UNKNOWN_BYTES
    try:
        return len(read_image(image_of(core), board_of(core)).code.content)
    except NotPossibleHere:
        return CODE_UNKNOWN_BYTES


def open_model(path: Path, inputs: Path | None) -> Model:
    """Compile what is to be simulated.

    Args:
        path: a bundle whose artifact is a static-int8 .tflite or what firmware has of it, or such a file.
        inputs: an .npy; without it the first golden window of a bundle, or random values.

    Raises:
        BadInput: another kind of bundle or file, a model that the compiler refuses or that has several inputs or
            outputs, or inputs that do not fit.
        NotPossibleHere: what reads .tflite is not installed.
    """
    bundle = _bundle(path) if path.is_dir() else None
    file = path if bundle is None else bundle.model
    made_before = bundle is not None and bundle.recipe.target == "firmware"
    compiled = read_artifact(file) if made_before else compile_model(file)
    if len(compiled.inputs) != 1 or len(compiled.outputs) != 1:
        counts = f"{len(compiled.inputs)} inputs and {len(compiled.outputs)} outputs"
        raise BadInput(f"{path} has {counts}", valid="a model of one input and one output")
    subject = Subject(
        name=path.name if bundle is None else bundle.recipe.name,
        macs=sum(layer.macs for layer in compiled.layers),
        weights_bytes=len(compiled.blob),
        arena_bytes=compiled.arena_bytes,
        contract=None if bundle is None else bundle.contract,
    )
    inference = _inputs(inputs, bundle, compiled.inputs[0])
    return Model(subject, compiled, inference, compiled.outputs[0], None if made_before else file)


def _inputs(inputs: Path | None, bundle: Bundle | None, port: Port) -> tuple[bytes, ...]:
    if inputs is not None:
        return tuple(read_inputs(inputs, port))
    if bundle is None:
        return (drawn_input(port),)
    return (stored(bundle.golden().acc_BCT[:1], port).tobytes(),)


def _bundle(path: Path) -> Bundle:
    bundle = open_bundle(path)
    if bundle.recipe.target not in ("tflite", "firmware") or bundle.recipe.activations != "int8":
        raise BadInput(f"bundle {path} is {bundle.recipe.name}", valid=STATIC_INT8)
    return bundle
