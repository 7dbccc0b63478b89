"""A day on the wrist: sleep, desk, chores, walking and running, as raw acceleration at 64 Hz.

The still wrist is the cohort's (heartbeat, breathing, tremor, sensor noise); on top come turns of the arm against
gravity, bursts of movement, and the swing of walking and running. Every number is our estimate: a plan of about 8 h of
sleep, 14 h of sitting, standing and handling things, 1.5 h of walking and 0.5 h of running, and sizes of movement that
give the whole day a mean near the 31 mg (SD 42) that Perez-Pozuelo et al. (2019, doi 10.1101/600650) found on the
wrists of 2,043 adults. A quarter of the minutes at the desk are still; of the seated laboratory sessions of
Stress-Predict (Iqbal et al. 2022, Empatica E4) a fifth are.
"""

import math
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from edgeacc.cohort.config import CohortConfig
from edgeacc.cohort.grid import RATE_HZ, SAMPLES
from edgeacc.cohort.simulate import simulate

MINUTES_PER_DAY = 1440
BLOCK_MINUTES = 60
SLACK_MIN = 1e-6
"""A minute begun by less than this is not begun: hours come from divisions."""
PERSON = 1_400_000_000
"""Number of the simulated wearer: in no store that `edgeacc cohort make` writes by default."""
TURN_S = 1.5
NOISE_S = 600
NOISE_BAND_HZ = (0.5, 4.0)
"""A turn's length, and the movement noise that bursts are cut from; our estimates."""
RANGE_G = 8.0
"""Of the sensor, as in the cohort."""


class Activity(StrEnum):
    """What the wearer does."""

    sleep = "sleep"
    desk = "desk"
    chores = "chores"
    walking = "walking"
    running = "running"


class Movement(NamedTuple):
    """How the wrist moves: numbers per minute, medians of a size, and what goes on all the time."""

    bursts_per_min: float = 0.0
    burst_mg: float = 0.0
    turns_per_min: float = 0.0
    turn_deg: float = 0.0
    shake_mg: float = 0.0
    swing_hz: float = 0.0
    swing_mg: float = 0.0


MOVEMENT = {
    Activity.sleep: Movement(bursts_per_min=0.12, burst_mg=120, turns_per_min=0.05, turn_deg=50),
    Activity.desk: Movement(bursts_per_min=0.8, burst_mg=45, turns_per_min=1.0, turn_deg=15, shake_mg=5),
    Activity.chores: Movement(bursts_per_min=8, burst_mg=120, turns_per_min=10, turn_deg=30, shake_mg=25),
    Activity.walking: Movement(turns_per_min=2, turn_deg=15, shake_mg=60, swing_hz=1.8, swing_mg=230),
    Activity.running: Movement(turns_per_min=2, turn_deg=15, shake_mg=250, swing_hz=2.7, swing_mg=1100),
}
BURST_S = 3.0
SPREAD = 0.5
"""Standard deviation of the logarithm of sizes and lengths."""

PLAN: tuple[tuple[Activity, int], ...] = (
    (Activity.chores, 50),
    (Activity.walking, 20),
    (Activity.desk, 115),
    (Activity.walking, 5),
    (Activity.desk, 110),
    (Activity.walking, 15),
    (Activity.chores, 35),
    (Activity.desk, 110),
    (Activity.walking, 5),
    (Activity.desk, 105),
    (Activity.walking, 25),
    (Activity.running, 30),
    (Activity.chores, 115),
    (Activity.walking, 20),
    (Activity.desk, 150),
    (Activity.chores, 50),
    (Activity.sleep, 480),
)
"""Minutes from waking on; they add up to a day."""


def plan(hours: float, seed: int) -> list[Activity]:
    """The activity of each minute, from waking on; every day has episodes of somewhat other lengths.

    Args:
        hours: how long; begun minutes are whole.
        seed: two seeds are two days.
    """
    minutes = math.ceil(60 * hours - SLACK_MIN)
    days = [_day(seed, number) for number in range(-(-minutes // MINUTES_PER_DAY))]
    return [activity for day in days for activity in day][:minutes]


def _day(seed: int, number: int) -> list[Activity]:
    spread = np.random.Generator(np.random.Philox(key=[seed, number])).lognormal(0.0, 0.15, len(PLAN))
    wanted = np.array([minutes for _, minutes in PLAN]) * spread
    ends = np.rint(np.cumsum(wanted) * MINUTES_PER_DAY / wanted.sum()).astype(int)
    lengths = np.diff(ends, prepend=0)
    return [activity for (activity, _), length in zip(PLAN, lengths, strict=True) for _ in range(length)]


def acceleration(activities: list[Activity], seed: int) -> Iterator[NDArray[np.float32]]:
    """Raw acceleration, some minutes at a time.

    Args:
        activities: one a minute.
        seed: the wearer and all movement; the same seed gives the same samples, bit for bit.

    Yields:
        (3, T) float32 in g, gravity included, within the sensor's range.
    """
    gravity_3 = np.array([0.0, 0.0, 1.0])
    noise_3T = _movement_noise(seed)
    for start in range(0, len(activities), BLOCK_MINUTES):
        block = activities[start : start + BLOCK_MINUTES]
        still_BCT = _still(seed, start, len(block), len(activities))
        for offset, activity in enumerate(block):
            rng = np.random.Generator(np.random.Philox(key=[seed, (1 << 32) + start + offset]))
            path_3T, gravity_3 = _gravity(MOVEMENT[activity], gravity_3, rng)
            still_BCT[offset] += path_3T + _moves(MOVEMENT[activity], noise_3T, rng)
        yield np.clip(still_BCT, -RANGE_G, RANGE_G).transpose(1, 0, 2).reshape(3, -1).astype(np.float32)


def _still(seed: int, start: int, count: int, minutes: int) -> NDArray[np.float64]:
    """(B, 3, SAMPLES) what a still wrist measures, without gravity, one window a minute."""
    config = CohortConfig(seed=seed, participants=1, windows_per_participant=minutes, first_participant=PERSON)
    raw_BCT = simulate(config, torch.arange(start, start + count)).acc_g_BCT.double().numpy()
    still: NDArray[np.float64] = raw_BCT - raw_BCT.mean(-1, keepdims=True)
    return still


def _gravity(
    movement: Movement, gravity_3: NDArray[np.float64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(3, SAMPLES) gravity as the arm turns, and what it is in the end."""
    time_T = np.arange(SAMPLES) / RATE_HZ
    path_3T = np.repeat(gravity_3[:, None], SAMPLES, axis=1)
    latest_s = SAMPLES / RATE_HZ - TURN_S
    for at_s in np.sort(rng.uniform(0, latest_s, rng.poisson(movement.turns_per_min))):
        angle = np.deg2rad(movement.turn_deg) * rng.lognormal(0, SPREAD)
        turned_3 = _turned(gravity_3, angle, rng)
        done_T = np.clip((time_T - at_s) / TURN_S, 0, 1)
        path_3T += (turned_3 - gravity_3)[:, None] * (done_T * done_T * (3 - 2 * done_T))
        gravity_3 = turned_3
    return path_3T, gravity_3


def _turned(gravity_3: NDArray[np.float64], angle: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """The same length, turned by an angle about a random axis across it."""
    across_3 = np.cross(gravity_3, rng.standard_normal(3))
    across_3 /= np.linalg.norm(across_3)
    turned_3 = gravity_3 * np.cos(angle) + across_3 * np.sin(angle)
    return np.asarray(turned_3 / np.linalg.norm(turned_3))


def _moves(movement: Movement, noise_3T: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """(3, SAMPLES) shaking, bursts and swing of one minute, in g."""
    time_T = np.arange(SAMPLES) / RATE_HZ
    moves_3T = 1e-3 * movement.shake_mg * rng.lognormal(0, SPREAD) * _cut(noise_3T, rng)
    for _ in range(rng.poisson(movement.bursts_per_min)):
        at_s, length_s = rng.uniform(0, SAMPLES / RATE_HZ), BURST_S * rng.lognormal(0, SPREAD)
        envelope_T = np.exp(-0.5 * ((time_T - at_s) / (length_s / 2)) ** 2)
        moves_3T += 1e-3 * movement.burst_mg * rng.lognormal(0, SPREAD) * envelope_T * _cut(noise_3T, rng)
    if movement.swing_mg:
        angle_T = 2 * np.pi * movement.swing_hz * rng.normal(1, 0.04) * time_T + rng.uniform(0, 2 * np.pi)
        shape_3T = np.stack([np.sin(angle_T), 0.5 * np.sin(2 * angle_T), 0.4 * np.cos(angle_T)])
        moves_3T += 1e-3 * movement.swing_mg * rng.lognormal(0, 0.3) * shape_3T
    return np.asarray(moves_3T)


def _movement_noise(seed: int) -> NDArray[np.float64]:
    """(3, T) noise in the band of hand movement, RMS 1 on each axis."""
    rng = np.random.Generator(np.random.Philox(key=[seed, 1 << 40]))
    spectrum = np.fft.rfft(rng.standard_normal((3, round(NOISE_S * RATE_HZ))))
    frequency_hz = np.fft.rfftfreq(round(NOISE_S * RATE_HZ), 1 / RATE_HZ)
    low_hz, high_hz = NOISE_BAND_HZ
    noise = np.fft.irfft(spectrum * ((frequency_hz > low_hz) & (frequency_hz < high_hz)))
    return np.asarray(noise / noise.std(-1, keepdims=True))


def _cut(noise_3T: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    start = rng.integers(0, noise_3T.shape[1] - SAMPLES)
    return noise_3T[:, start : start + SAMPLES]
