import numpy as np
import pytest

START_S = 1_644_226_061


@pytest.fixture
def write_e4():
    """Writes an E4 folder of pulses at 60 a minute; any file's text can be replaced, None leaves it out."""

    def write(folder, seconds=70, **texts):
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(0)
        acc = rng.integers(-1, 2, (32 * seconds, 3)) + np.array([0, 20, 60])
        phase = np.arange(64 * seconds) / 64 % 1.0
        bvp = 50 * np.where(phase < 0.2, phase / 0.2, (1 - phase) / 0.8)
        head = [", ".join([f"{START_S}.000000"] * 3), ", ".join(["32.000000"] * 3)]
        files = {
            "ACC.csv": "\n".join([*head, *(",".join(map(str, row)) for row in acc)]),
            "BVP.csv": "\n".join([f"{START_S}", "64", *(f"{value:.2f}" for value in bvp)]),
            "IBI.csv": "\n".join([f"{START_S}.000000, IBI", *(f"{beat}.0,1.0" for beat in range(2, seconds))]),
            "HR.csv": f"{START_S + 10}\n1.0\n60.0\n60.0",
        }
        for name, text in (files | {key.replace("_", "."): text for key, text in texts.items()}).items():
            if text is not None:
                (folder / name).write_text(text + "\n")
        return folder

    return write


@pytest.fixture
def write_polar():
    """Writes Polar logs: a light that falls steeply once a second, phone times ahead of the sensor's."""

    def write(folder, seconds=70, **texts):
        folder.mkdir(parents=True, exist_ok=True)
        first_ns = 704_201_974_831_254_116

        def phone(after_s):
            return str(np.datetime64("2022-04-25T11:39:36.978") + np.timedelta64(round(after_s * 1000), "ms"))

        acc = ["Phone timestamp;sensor timestamp [ns];X [mg];Y [mg];Z [mg]"]
        for n in range(52 * seconds):
            acc.append(f"{phone(n / 52)};{first_ns + round(n / 52 * 1e9)};{-777 + n % 3};{436 - n % 2};-499")
        ppg = ["Phone timestamp;sensor timestamp [ns];channel 0;channel 1;channel 2;ambient"]
        for n in range(55 * seconds):
            phase = n / 55 % 1.0
            light = 260_000 - 300 * (phase / 0.2 if phase < 0.2 else (1 - phase) / 0.8)
            cells = [round(light + 1000 * channel) for channel in range(3)]
            ppg.append(f"{phone(n / 55)};{first_ns + round(n / 55 * 1e9)};{cells[0]};{cells[1]};{cells[2]};-600;")
        ppi = ["Phone timestamp;PP-interval [ms];error estimate [ms];blocker;contact;contact;hr [bpm]"]
        ppi += [f"{phone(n)};1000;{900 if n < 3 else 9};0;1;1;60" for n in range(seconds)]
        files = {"Polar_Sense_ACC.txt": acc, "Polar_Sense_PPG.txt": ppg, "Polar_Sense_PPI.txt": ppi}
        for name, lines in files.items():
            text = texts.get(name.removesuffix(".txt").split("_")[-1].lower(), "\n".join(lines))
            if text is not None:
                (folder / name).write_text(text + "\n")
        return folder

    return write
