"""The page of a store: what a user's recordings hold, before anyone trains on them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from edgeacc.benchmarks.report import data_plots, plots
from edgeacc.benchmarks.report.page import Figure, Page, Section, Table
from edgeacc.evaluation.data_study import NEAR_BPM, QUANTILES, DataResult
from edgeacc.evaluation.heartbeat import CONTROLS, HEARTBEAT_MG
from edgeacc.evaluation.report import with_interval
from edgeacc.files import read_model
from edgeacc.windows.split import SPLITS
from edgeacc.windows.window_set import WindowSet

_DASH = "–"
_CONTROLS = Path(__file__).with_name("controls.toml")


class ControlSet(BaseModel):
    """What was measured of a set of recordings whose answer is known.

    Attributes:
        name: of the device and the set.
        step_mg: its accelerometer's resolution.
        energy: of each recording, as `Heartbeat.energy`.
        largest_control: as `Heartbeat.largest_control`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    step_mg: float
    energy: list[float]
    largest_control: list[float]

    @property
    def told(self) -> str:
        """In one sentence."""
        pairs = list(zip(self.energy, self.largest_control, strict=True))
        seen = sum(energy > largest for energy, largest in pairs)
        span = f"{min(self.energy):.1f} to {max(self.energy):.1f}" if len(pairs) > 1 else f"{self.energy[0]:.0f}"
        return (
            f"{self.name} (steps of {self.step_mg:.3g} mg): {span} times the mean of its controls, above the largest "
            f"({max(self.largest_control):.1f} at most) in {seen} of {len(pairs)} recording(s)"
        )


class Controls(BaseModel):
    """The sets of `controls.toml`, which tells by what commands they were measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    positive: ControlSet
    coarse: ControlSet

    @property
    def told(self) -> str:
        """Both, to stand beside a report's own figures."""
        return f"For comparison, by the same measure: {self.positive.told}; {self.coarse.told}."


def controls() -> Controls:
    """The control figures that this version was released with."""
    return read_model(_CONTROLS, Controls)


def data_page(result: DataResult, examples: WindowSet) -> Page:
    """The page.

    Args:
        result: of `study_data`.
        examples: windows to show.
    """
    store = result.store
    return Page(
        title="edgeacc data report",
        subtitle=(
            f"{store.name} ({store.source}): {store.windows:,} windows of {store.window_s:g} s from "
            f"{store.participants:,} participant(s); store {store.content_digest}."
        ),
        summary=list(summary(result)),
        sections=list(_sections(result, examples)),
    )


def summary(result: DataResult) -> Iterator[str]:
    """What was found, in a few sentences."""
    store, seen = result.store, [row for row in result.heartbeats if row.seen]
    kept_min = store.windows * store.window_s / 60
    recorded_min = sum(_number(row, "recorded_min") for row in result.recordings)
    of_all = f" of {recorded_min:,.0f} recorded" if result.recordings else ""
    yield f"{kept_min:,.0f} still, whole and paired minutes{of_all}, from {store.participants:,} participant(s)."
    if result.heartbeats:
        yield (
            f"The accelerometer shows the heartbeat in {len(seen)} of {len(result.heartbeats)} recordings "
            f"(above all of {CONTROLS} controls with moved beats)."
        )
    if coarse := sorted({step for row in result.recordings if (step := _number(row, "acc_step_mg")) > HEARTBEAT_MG}):
        yield (
            f"Coarse accelerometer: steps of {', '.join(f'{step:g}' for step in coarse)} mg, while a heartbeat moves a "
            f"still wrist by about {HEARTBEAT_MG:g} mg. {controls().told}"
        )


def _sections(result: DataResult, examples: WindowSet) -> Iterator[Section]:
    splits = [[split, f"{windows:,}", f"{people:,}"] for split in SPLITS for windows, people in [result.splits[split]]]
    yield Section(
        "Split by participant",
        table=Table(["split", "windows", "participants"], splits),
        note="Nobody is on two sides; windows are never split, people are.",
    )
    if result.recordings:
        yield _minutes_section(result)
    if result.hr_bpm:
        yield _rates_section(result)
    yield Section(
        "Spectra",
        figures=[Figure(data_plots.spectra(result.spectra), "Of the windows as the networks see them, variance 1.")],
    )
    if result.heartbeats:
        yield _heartbeat_section(result)
    yield Section(
        "Example windows",
        paragraphs=["Of best, middling and least PPG quality, the first ten seconds."],
        figures=[
            Figure(
                plots.window(
                    acc_CT.float().numpy(), ppg_CT.float().numpy(), beats_K.numpy(), rate_hz, name=f"window{n}"
                ),
                f"PPG quality {quality:.2f}, motion {motion_mg:.1f} mg.",
            )
            for n, (acc_CT, ppg_CT, beats_K, quality, motion_mg) in enumerate(
                zip(
                    examples.acc_BCT,
                    examples.ppg_BCT,
                    examples.beats_BK,
                    examples.labels["ppg_quality"].tolist(),
                    examples.labels["motion_mg"].tolist(),
                    strict=True,
                )
            )
            for rate_hz in [examples.contract.rate_hz]
        ],
    )
    yield Section(
        "Labels",
        table=Table(
            ["label", *(f"{100 * at:g} %" for at in QUANTILES)],
            [[name, *(f"{value:.4g}" for value in values)] for name, values in result.quantiles.items()],
            folded=True,
        ),
        note="Quantiles over the windows in which a label is known.",
    )


def _minutes_section(result: DataResult) -> Section:
    window_min = result.store.window_s / 60
    kept_lost = [{data_plots.KEPT: _number(row, "windows") * window_min} | _lost(row) for row in result.recordings]
    reasons = list(dict.fromkeys(reason for each in kept_lost for reason in each))
    rows = [
        [
            f"{number}",
            str(row.get("format", _DASH)),
            _or_dash(_number(row, "acc_step_mg"), "g"),
            f"{_number(row, 'recorded_min'):.1f}",
            *(_or_dash(each.get(reason, 0.0), ".1f") for reason in reasons),
            _delay(row),
        ]
        for number, (row, each) in enumerate(zip(result.recordings, kept_lost, strict=True))
    ]
    columns = ["recording", "format", "step (mg)", "minutes", *(r.replace("_", " ") for r in reasons), "delay (s)"]
    return Section(
        "Minutes kept, and lost by reason",
        figures=[Figure(data_plots.minutes(kept_lost), "Each window tried and rejected counts for a quarter of it.")],
        table=Table(columns, rows, texts=2, folded=True),
        note=(
            "Step: the accelerometer's resolution. Delay: by how much the accelerometer was delayed where its clock "
            "and the PPG's are not one, least and most over the windows."
        ),
    )


def _rates_section(result: DataResult) -> Section:
    rows = [
        [row.name, with_interval(row.mae_bpm, 2), with_interval(row.near, 1, percent=True)] for row in result.baselines
    ]
    return Section(
        "Heart rate, and what tells it without the PPG",
        figures=[Figure(data_plots.rates(result.hr_bpm), f"From the {result.hr_source} labels.")],
        table=Table(["guess", "mean absolute error (bpm)", f"within {NEAR_BPM:g} bpm (%)"], rows),
        note="A model no better than these has learned nothing of the heart. Intervals: 95 %, by participant.",
    )


def _heartbeat_section(result: DataResult) -> Section:
    return Section(
        "The heartbeat in the accelerometer",
        paragraphs=[
            "Energy of the accelerometer's average over all beats of a recording's PPG, against the same with every "
            f"beat moved at random, {CONTROLS} times. {controls().told}"
        ],
        figures=[
            Figure(
                data_plots.heartbeats(result.heartbeats),
                "Over the mean of the controls; the bar reaches to the largest. Right of its bar: the heart is seen.",
            )
        ],
    )


def _number(row: Mapping[str, object], name: str) -> float:
    value = row.get(name)
    return float(value) if isinstance(value, int | float) else 0.0


def _lost(row: Mapping[str, object]) -> dict[str, float]:
    lost = row.get("lost_min")
    return {str(reason): float(value) for reason, value in lost.items()} if isinstance(lost, dict) else {}


def _delay(row: Mapping[str, object]) -> str:
    delay = row.get("acc_delay_s")
    return f"{delay[0]:.2f} … {delay[1]:.2f}" if isinstance(delay, list) else _DASH


def _or_dash(value: float, form: str) -> str:
    return format(value, form) if value else _DASH
