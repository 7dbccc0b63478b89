"""The house's rules that a machine can hold: imports go one way, and the command line starts without the rooms."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "edgeacc"

ORDER = (
    ("errors",),
    ("progress",),
    ("files", "weights"),
    ("signals",),
    ("cohort", "recordings"),
    ("windows",),
    ("models",),
    ("training",),
    ("evaluation",),
    ("study",),
    ("compression",),
    ("bundle",),
    ("export",),
    ("firmware_sim",),
    ("benchmarks",),
    ("cli",),
)
"""From left to right; the rooms of one group do not import one another."""

PLACE = {room: place for place, rooms in enumerate(ORDER) for room in rooms}
HEAVY = {"torch", "numpy", "scipy", "pyarrow", "matplotlib", "pydantic", "rich", "safetensors", "psutil"}
BEFORE_A_VERB = {"edgeacc.errors", "edgeacc.progress", "edgeacc.cli"}


def python_files(folder=PACKAGE):
    """Every module, those behind the links to export, benchmarks and firmware_sim included."""
    for directory, _, names in os.walk(folder, followlinks=True):
        yield from (Path(directory) / name for name in sorted(names) if name.endswith(".py"))


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path, *, top_level_only=False):
    """(line, module) of each import; `from edgeacc import files` counts as edgeacc.files."""
    tree = ast.parse(path.read_text())
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "edgeacc":
            yield from ((node.lineno, f"edgeacc.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module


def test_every_room_has_its_place():
    assert {room_of(path) for path in python_files()} - {"__init__"} <= set(PLACE)


def test_a_room_imports_only_rooms_to_its_left():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in python_files()
        if room_of(path) != "__init__"
        for line, module in imported(path)
        if module.startswith("edgeacc.")
        and (other := module.split(".")[1]) in PLACE
        and other != room_of(path)
        and PLACE[other] >= PLACE[room_of(path)]
    ]
    assert wrong == []


def verb_files():
    """The files that `edgeacc --help` imports."""
    listed = "import sys, edgeacc.cli.main; print(*(m for m in sys.modules if m.startswith('edgeacc.cli.')))"
    ran = subprocess.run([sys.executable, "-c", listed], capture_output=True, text=True, check=True)
    return [ROOT / (module.replace(".", "/") + ".py") for module in ran.stdout.split()]


def test_a_verb_imports_its_rooms_when_it_runs():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in verb_files()
        for line, module in imported(path, top_level_only=True)
        if module.split(".")[0] in HEAVY
        or (module.startswith("edgeacc.") and ".".join(module.split(".")[:2]) not in BEFORE_A_VERB)
    ]
    assert wrong == []


def help_of(*options):
    return subprocess.run(
        [sys.executable, *options, "-m", "edgeacc.cli.main", "--help"], capture_output=True, text=True, check=True
    )


def test_help_imports_nothing_heavy():
    told = help_of("-X", "importtime").stderr.splitlines()
    modules = {line.split("|")[2].strip().split(".")[0] for line in told if line.count("|") == 2}
    assert "typer" in modules
    assert modules & HEAVY == set()


@pytest.mark.integration
def test_a_kit_is_made_without_torch():
    """It takes longer to import than a kit takes to be made."""
    asked = "import sys, edgeacc.export.kits.kit; print('torch' in sys.modules, 'scipy' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "True"]


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="needs the processor time of one child")
def test_help_takes_under_0_3_seconds_of_processor_time():
    assert min(processor_time_of_help_s() for _ in range(3)) < 0.3


def processor_time_of_help_s():
    """User and system time, which other work on the machine hardly changes."""
    child = subprocess.Popen([sys.executable, "-m", "edgeacc.cli.main", "--help"], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    return usage.ru_utime + usage.ru_stime


def test_no_function_is_longer_than_60_lines_and_no_file_than_400():
    wrong = []
    for path in python_files():
        text = path.read_text()
        if len(text.splitlines()) > 400:
            wrong.append(f"{path.relative_to(ROOT)}: {len(text.splitlines())} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno >= 60:
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert wrong == []
