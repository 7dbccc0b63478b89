"""What one run on an emulated core executed: instructions by class and layer, and what came out. JSON both ways."""

from dataclasses import dataclass, field, fields

from pydantic import ConfigDict, TypeAdapter, ValidationError

from edgeacc.errors import BadInput

_STRICT = ConfigDict(extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")
_NO_INSTRUCTIONS = ("load_words", "store_words")


@dataclass(frozen=True)
class InstructionCounts:
    """Executed instructions by class; each instruction is in exactly one. All counts are exact, none is negative.

    An instruction that an IT block skips counts as executed, as it takes its cycle on the core.

    Attributes:
        alu: integer arithmetic, logic, moves, shifts, bit fields, saturation, packing, IT, NOP.
        multiply: multiplications and multiply-accumulates of one product.
        mac_dsp: SIMD multiplications of two 16-bit products (SMLAD and its kin).
        load: integer loads, those of several registers too.
        store: integer stores, those of several registers too.
        branch_taken: jumps that were taken, conditional or not; calls and returns excluded.
        branch_not_taken: conditional jumps (and returns) that went on to the next instruction.
        call_return: BL, BLX, BX, and loads or moves into the program counter.
        divide: SDIV, UDIV.
        fp: scalar floating point with its loads, stores and moves.
        mve_load: Helium loads; on A64 these four are NEON's.
        mve_store: Helium stores.
        mve_mac: Helium integer and float multiplications, with and without accumulation.
        mve_other: other Helium instructions.
        loop: low-overhead loops (DLS, WLS, LE, LETP and the like).
        load_words: registers beyond the first of one load (LDM, POP, LDRD); no instructions, so not in `total`.
        store_words: registers beyond the first of one store; no instructions either.
    """

    __pydantic_config__ = _STRICT

    alu: int = 0
    multiply: int = 0
    mac_dsp: int = 0
    load: int = 0
    store: int = 0
    branch_taken: int = 0
    branch_not_taken: int = 0
    call_return: int = 0
    divide: int = 0
    fp: int = 0
    mve_load: int = 0
    mve_store: int = 0
    mve_mac: int = 0
    mve_other: int = 0
    loop: int = 0
    load_words: int = 0
    store_words: int = 0

    def __post_init__(self) -> None:
        """Refuse what no run can give.

        Raises:
            BadInput: a count is negative.
        """
        for each in fields(self):
            if getattr(self, each.name) < 0:
                raise BadInput(f"{each.name} is {getattr(self, each.name)}", valid="a count of 0 or more")

    @property
    def total(self) -> int:
        """Executed instructions."""
        return sum(getattr(self, each.name) for each in fields(self) if each.name not in _NO_INSTRUCTIONS)

    def __add__(self, other: "InstructionCounts") -> "InstructionCounts":
        """Class by class."""
        return InstructionCounts(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


@dataclass(frozen=True)
class LayerRun:
    """One layer of the first inference of a run.

    Attributes:
        index: its place among the layers, from 0.
        operator: its operator, as TFLite names it.
        name: of its output tensor.
        macs: multiply-accumulates of one inference.
        counts: executed from the harness's call to its return, so about 10 instructions more than the kernel alone.
    """

    __pydantic_config__ = _STRICT

    index: int
    operator: str
    name: str
    macs: int
    counts: InstructionCounts


@dataclass(frozen=True)
class EngineRun:
    """One firmware image that ran one model.

    Attributes:
        core: `host`, `m4`, `m7`, `m33`, `m55` or `a53`.
        engine: `host`, `qemu`, `qemu-aarch64` or `unicorn`.
        version: of the emulator, or the compiler of the host engine.
        outputs: bytes of all outputs of each inference, one after another.
        layers: of the first inference; empty where the engine does not count (`host`).
        total: the sum over `layers`; None where the engine does not count.
        ram_stack_bytes: highest use of the stack, by painting; None where it is not known.
    """

    __pydantic_config__ = _STRICT

    core: str
    engine: str
    version: str
    outputs: tuple[bytes, ...]
    layers: tuple[LayerRun, ...] = field(default=())
    total: InstructionCounts | None = None
    ram_stack_bytes: int | None = None


_RUN = TypeAdapter(EngineRun)


def to_json(run: EngineRun) -> str:
    """A run as JSON; outputs in base64."""
    return _RUN.dump_json(run, indent=2).decode() + "\n"


def from_json(text: str | bytes, *, where: str = "run") -> EngineRun:
    """Read what `to_json` wrote.

    Args:
        text: JSON.
        where: what an error calls it.

    Raises:
        BadInput: not JSON, or not a run; all mistakes are listed.
    """
    try:
        return _RUN.validate_json(text)
    except ValidationError as error:
        mistakes = [f"{'.'.join(map(str, each['loc'])) or 'file'}: {each['msg']}" for each in error.errors()]
        raise BadInput.several(where, mistakes, valid="JSON of one run, as `edgeacc simulate` writes it") from error
