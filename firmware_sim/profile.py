"""Profiles: devices, cores, accelerometers, optical front ends and batteries as TOML, every number with its source.

An absent number is unknown: what depends on it becomes null, never a guess.
"""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, RootModel, model_validator

from edgeacc.errors import unknown
from edgeacc.files import read_model
from edgeacc.firmware_sim.counts import InstructionCounts
from edgeacc.firmware_sim.quantity import Quantity, in_unit

FOLDER = Path(__file__).parent / "profiles"

Cycles = Annotated[Quantity, in_unit("cycles")]
Kib = Annotated[Quantity, in_unit("KiB")]
Volts = Annotated[Quantity, in_unit("V")]
MicroAmps = Annotated[Quantity, in_unit("uA")]
MicroSeconds = Annotated[Quantity, in_unit("us")]
Hertz = Annotated[Quantity, in_unit("Hz")]
Share = Annotated[Quantity, in_unit("share")]
Count = Annotated[Quantity, in_unit("1")]


def _is_a_class(name: str) -> str:
    if name not in InstructionCounts.__dataclass_fields__:
        raise ValueError(f"{name!r} is no class of InstructionCounts")
    return name


CountName = Annotated[str, AfterValidator(_is_a_class)]
Bytes = Annotated[Quantity, in_unit("bytes")]


class Profile(BaseModel):
    """What every profile has."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str


class Core(Profile):
    """Cycles that one executed instruction of each class takes, without wait states; an absent class is unknown.

    The classes are the fields of `InstructionCounts`.
    """

    cycles: dict[CountName, Cycles]


class Radio(BaseModel):
    """Sending one embedding to a phone over Bluetooth Low Energy."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    active_ma: Annotated[Quantity, in_unit("mA")]
    event_ms: Annotated[Quantity, in_unit("ms")]


class OperatingPoint(BaseModel):
    """A clock and a supply at which the energy of a cycle is known, or not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    clock_mhz: Annotated[Quantity, in_unit("MHz")]
    supply_v: Volts
    active_pj_per_cycle: Annotated[Quantity, in_unit("pJ/cycle")] | None = None


class Device(Profile):
    """A microcontroller or processor.

    `core` names the core that emulates it; where there is none (an accelerator) or it does not run here (an application
    processor) latency is `cycles_per_mac` times the model's multiply-accumulates, or unknown. With `npu`, Vela's name
    of an accelerator, that is so only where Vela is missing: else it is Vela's estimate times `npu_margin`, and what
    Vela leaves to `npu_host` from emulation. `fetch_stall` is the mean number of cycles that an instruction waits for
    the program memory behind its cache, `load_stall` that a load waits for data there. The first operating point is the
    default.
    """

    core: str | None = None
    cycles_per_mac: Annotated[Quantity, in_unit("cycles/MAC")] | None = None
    npu: str | None = Field(default=None, pattern=r"^ethos-u(55|85)-[0-9]+$")
    npu_host: str | None = None
    npu_margin: Count | None = None
    flash_kib: Kib | None = None
    ram_kib: Kib | None = None
    fetch_stall: Cycles | None = None
    load_stall: Cycles | None = None
    sleep_ua: MicroAmps | None = None
    wake_us: MicroSeconds | None = None
    radio: Radio | None = None
    points: tuple[OperatingPoint, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _has_a_way_to_cycles(self) -> Self:
        if self.core is None and self.cycles_per_mac is None:
            raise ValueError("core, or cycles_per_mac, or both: the second where the first does not run")
        if len({self.npu is None, self.npu_host is None, self.npu_margin is None}) > 1:
            raise ValueError("npu, npu_host and npu_margin together")
        names = [point.name for point in self.points]
        if len(set(names)) < len(names):
            raise ValueError("two operating points of one name")
        return self


class Accelerometer(Profile):
    """A three-axis accelerometer with a FIFO, at the data rate that suits the signal contract."""

    supply_v: Volts
    rate_hz: Hertz
    active_ua: MicroAmps
    fifo_sets: Count
    bytes_per_set: Bytes
    wake_up_ua: MicroAmps | None = None
    noise_ug_per_rthz: Annotated[Quantity, in_unit("ug/rtHz")] | None = None


class Optical(Profile):
    """An optical front end with its LED: `power_uw` of one channel at `rate_hz`, proportional to the rate."""

    power_uw: Annotated[Quantity, in_unit("uW")]
    rate_hz: Hertz
    fifo_samples: Count
    bytes_per_sample: Bytes


class Battery(Profile):
    """A battery with its regulator."""

    capacity_mah: Annotated[Quantity, in_unit("mAh")]
    voltage_v: Volts
    usable_share: Share
    regulator_efficiency: Share
    self_discharge_share_per_month: Share


class Source(BaseModel):
    """A document."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(min_length=10)
    where: str = Field(min_length=5)
    note: str | None = None


class Sources(RootModel[dict[str, Source]]):
    """All documents, by the name that quantities use."""


Room = Literal["cores", "devices", "accelerometers", "optical", "batteries"]
Any_ = TypeVar("Any_", bound=Profile)


class Target(NamedTuple):
    """A device at one of its operating points."""

    device: Device
    point: OperatingPoint

    @property
    def name(self) -> str:
        """What `target` takes: the device's name alone for its default point."""
        default = self.point == self.device.points[0]
        return self.device.name if default else f"{self.device.name}@{self.point.name}"


@lru_cache(maxsize=1)
def cores() -> dict[str, Core]:
    """All cores by name."""
    return _read("cores", Core)


@lru_cache(maxsize=1)
def devices() -> dict[str, Device]:
    """All devices by name."""
    return _read("devices", Device)


@lru_cache(maxsize=1)
def accelerometers() -> dict[str, Accelerometer]:
    """All accelerometers by name."""
    return _read("accelerometers", Accelerometer)


@lru_cache(maxsize=1)
def opticals() -> dict[str, Optical]:
    """All optical front ends by name."""
    return _read("optical", Optical)


@lru_cache(maxsize=1)
def batteries() -> dict[str, Battery]:
    """All batteries by name."""
    return _read("batteries", Battery)


@lru_cache(maxsize=1)
def sources() -> dict[str, Source]:
    """All documents by the name that quantities use."""
    return read_model(FOLDER / "sources.toml", Sources).root


def target(name: str) -> Target:
    """A device at an operating point: `DEVICE`, or `DEVICE@POINT`.

    Raises:
        BadInput: no such device, or it has no such point; lists what there is.
    """
    device_name, _, point_name = name.partition("@")
    device = chosen("device", device_name, devices())
    points = {point.name: point for point in device.points}
    if "@" in name and point_name not in points:
        raise unknown(f"operating point of {device_name}", point_name, list(points), next_command="edgeacc ls devices")
    return Target(device, points[point_name] if point_name else device.points[0])


def chosen(kind: str, name: str, known: dict[str, Any_]) -> Any_:
    """A profile by its name.

    Raises:
        BadInput: no such profile; lists those there are.
    """
    if name not in known:
        raise unknown(kind, name, list(known), next_command="edgeacc ls devices")
    return known[name]


def _read(room: Room, model: type[Any_]) -> dict[str, Any_]:
    found = [read_model(path, model) for path in sorted((FOLDER / room).glob("*.toml"))]
    return {profile.name: profile for profile in found}
