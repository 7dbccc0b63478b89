"""The documents keep up with the code."""

import re
from pathlib import Path

import pytest

from edgeacc.cli.main import VERBS
from edgeacc.export.verify import VerifyReport
from edgeacc.signals.contract import SignalContract
from edgeacc.signals.quality import Fault
from edgeacc.windows.columns import schema
from edgeacc.windows.labels import LABELS

ROOT = Path(__file__).parent.parent
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text()
UNIT = re.compile(r"_(hz|s|ms|us|g|mg|bpm|db|mib|kib|bytes|m_s|kg_m2|y)$")
NAMES = {
    "columns of a store": schema(SignalContract()).names,
    "labels": LABELS,
    "faults": [fault.value for fault in Fault],
    "numbers of a verification": [name for name in VerifyReport.model_fields if UNIT.search(name)],
}


@pytest.mark.parametrize("what", NAMES)
def test_the_glossary_explains(what):
    told = GLOSSARY.replace("task cost [bpm]", "`task_cost_bpm`")
    assert [name for name in NAMES[what] if f"`{name}`" not in told] == []


def documents():
    return [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_between_documents_lead_somewhere(document):
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text())
    assert [link for link in links if "://" not in link and not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_commands_in_documents_have_a_verb_that_exists(document):
    named = set(re.findall(r"(?<![\w/.-])edgeacc ([a-z]+)", " ".join(re.findall(r"`([^`\n]+)`", document.read_text()))))
    assert named - set(VERBS) == set()
