"""The runner of the demo, on real small commands."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from edgeacc.cli.demo_display import PlainLines, live_table
from edgeacc.cli.demo_journal import Step, read_journal
from edgeacc.cli.demo_run import Runner, Status, StepFailed
from edgeacc.errors import BadInput

pytestmark = pytest.mark.integration

PYTHON = (sys.executable,)


def python(name, code, output, needs=(), prints_output=False):
    return Step(name, ("-c", code, output), output, needs, prints_output)


def write(name, folder, needs=(), also="", until=None, text="ok"):
    """A step that waits for the file `until`, then writes `text`; it names its output and those of its needs."""
    wait = f"\nwhile not os.path.exists({str(folder / until)!r}): time.sleep(0.01)\n" if until else "; "
    code = f"import pathlib, sys, time, os; {also or 'pass'}{wait}pathlib.Path(sys.argv[1]).write_text({text!r})"
    return Step(name, ("-c", code, folder / name, *(folder / need for need in needs)), folder / name, needs)


def run(steps, folder, watch=lambda statuses: None, **options):
    return Runner(steps, folder, program=PYTHON, **options).run(watch)


def test_a_step_starts_only_when_all_it_needs_is_done_and_two_run_together(tmp_path):
    seen = []
    check = "assert all(pathlib.Path(sys.argv[1]).with_name(name).exists() for name in ('a', 'b'))"
    needed = [write("a", tmp_path, until="both run"), write("b", tmp_path, until="a is done")]
    steps = [*needed, write("c", tmp_path, needs=("a", "b"), also=check)]

    def watch(statuses):
        seen.append([status.state for status in statuses])
        if seen[-1] == ["running", "running", "waiting"]:
            (tmp_path / "both run").touch()
        if seen[-1] == ["done", "running", "waiting"]:
            (tmp_path / "a is done").touch()

    journal = run(steps, tmp_path, watch)
    assert seen[-1] == ["done", "done", "done"]
    assert all(record.seconds > 0 for record in journal.steps.values())
    assert journal.peak_memory_bytes > 2**20


def test_never_more_children_than_allowed(tmp_path):
    most = []
    steps = [write(str(n), tmp_path, until="two run") for n in range(4)]

    def watch(statuses):
        most.append(sum(status.state == "running" for status in statuses))
        if most[-1] == 2:
            (tmp_path / "two run").touch()

    run(steps, tmp_path, watch, at_once=2)
    assert max(most) == 2


def test_a_second_run_does_nothing_and_keeps_the_times(tmp_path):
    counting = "open(sys.argv[1] + '.runs', 'a').write('x')"
    steps = [write("a", tmp_path, also=counting)]
    first = run(steps, tmp_path)
    second = run(steps, tmp_path)
    assert (tmp_path / "a.runs").read_text() == "x"
    assert second == first
    assert second.wall_s(["a"]) == pytest.approx(second.steps["a"].seconds, abs=1e-5)


def test_time_in_which_two_steps_ran_counts_once_and_a_step_made_again_counts_by_its_last_time(tmp_path):
    steps = [write("a", tmp_path, until="both run"), write("b", tmp_path, until="both run")]

    def watch(statuses):
        if all(status.state == "running" for status in statuses):
            (tmp_path / "both run").touch()

    first = run(steps, tmp_path, watch)
    assert first.wall_s("ab") < first.steps["a"].seconds + first.steps["b"].seconds
    (tmp_path / "a").unlink()
    assert len(run(steps, tmp_path).steps["a"].ran) == 1


def test_a_removed_output_is_made_again(tmp_path):
    steps = [write("a", tmp_path), write("b", tmp_path, ("a",))]
    run(steps, tmp_path)
    (tmp_path / "b").unlink()
    run(steps, tmp_path)
    assert (tmp_path / "b").exists()


def test_two_demos_do_not_work_in_one_folder(tmp_path):
    seen = []

    def another(statuses):
        if not seen:
            with pytest.raises(BadInput, match="works in") as refusal:
                run([write("b", tmp_path)], tmp_path)
            seen.append(refusal.value)

    run([write("a", tmp_path)], tmp_path, another)
    assert seen
    assert not (tmp_path / "b").exists()
    run([write("a", tmp_path), write("b", tmp_path)], tmp_path)


def test_printed_output_appears_only_after_success(tmp_path):
    good = python("good", "print(1)", tmp_path / "results" / "good.json", prints_output=True)
    bad = python("bad", "print(2); raise SystemExit(3)", tmp_path / "bad.json", needs=("good",), prints_output=True)
    with pytest.raises(StepFailed) as failure:
        run([good, bad], tmp_path)
    assert good.output.read_text() == "1\n"
    assert not bad.output.exists()
    assert failure.value.exit_code == 3
    assert "| 2" in failure.value.problem


def test_a_failure_names_the_command_its_last_lines_and_its_code_and_stops_the_others(tmp_path):
    bad = python("bad", "import sys; print('step one'); sys.exit('the disk is made of cheese')", tmp_path / "bad")
    slow = write("slow", tmp_path, until="never")
    after = write("after", tmp_path, ("bad",))
    with pytest.raises(StepFailed) as failure:
        run([bad, slow, after], tmp_path)
    assert failure.value.exit_code == 1
    assert bad.command in failure.value.problem
    assert "the disk is made of cheese" in failure.value.problem
    assert "exit code 1" in failure.value.problem
    assert not (tmp_path / "slow").exists()
    assert not (tmp_path / "after").exists()


def test_a_failure_stops_only_what_needs_it_where_the_others_keep_going_and_is_tried_again(tmp_path):
    bad = write("bad", tmp_path, also=f"os.path.exists({str(tmp_path / 'mended')!r}) or sys.exit('cheese')")
    steps = [bad, write("after", tmp_path, ("bad",)), write("last", tmp_path, ("after",)), write("good", tmp_path)]
    runner = Runner(steps, tmp_path, program=PYTHON, keep_going=True)
    journal = runner.run(lambda statuses: None)
    assert list(runner.failed) == ["bad"]
    assert "cheese" in runner.failed["bad"].problem
    assert [status.state for status in runner.statuses()] == ["failed", "waiting", "waiting", "done"]
    assert journal.steps["good"].cpu_s > 0
    (tmp_path / "mended").touch()
    run(steps, tmp_path, keep_going=True)
    assert all(step.output.exists() for step in steps)


def test_what_a_failed_command_says_that_helps_is_the_next_command(tmp_path):
    bad = python("bad", "import sys; sys.exit('edgeacc: no mapping\\nnext: edgeacc ls formats')", tmp_path / "bad")
    with pytest.raises(StepFailed) as failure:
        run([bad], tmp_path)
    assert failure.value.next_command.startswith("edgeacc ls formats; then the same `edgeacc demo`")


def test_below_the_floor_the_packages_and_the_training_are_to_be_looked_at(tmp_path):
    below = python("below", "print('next: edgeacc ls recipes'); raise SystemExit(3)", tmp_path / "below")
    with pytest.raises(StepFailed) as failure:
        run([below], tmp_path)
    assert failure.value.exit_code == 3
    assert "edgeacc doctor" in failure.value.next_command
    assert "--size full" in failure.value.next_command


def test_a_command_that_writes_nothing_has_failed(tmp_path):
    with pytest.raises(StepFailed, match="did not write"):
        run([python("lazy", "pass", tmp_path / "lazy")], tmp_path)


def test_an_output_of_another_command_is_refused(tmp_path):
    run([write("a", tmp_path), write("b", tmp_path)], tmp_path)
    changed = [write("a", tmp_path, also="1 + 1"), write("b", tmp_path, also="2 + 2")]
    with pytest.raises(BadInput, match="2 mistake") as refusal:
        run(changed, tmp_path)
    assert changed[0].command in refusal.value.problem


def test_the_progress_file_of_a_command_is_shown(tmp_path):
    told = (
        "import json; p = pathlib.Path(os.environ['EDGEACC_PROGRESS']); q = p.with_suffix('.tmp');"
        "q.write_text(json.dumps(dict(title='fit', done=3, total=4, note='loss 2'))); q.rename(p)"
    )

    def watch(statuses):
        if (statuses[0].fraction, statuses[0].note) == (0.75, "fit loss 2"):
            (tmp_path / "seen").touch()

    run([write("a", tmp_path, also=told, until="seen")], tmp_path, watch)


def test_a_command_gets_its_threads(tmp_path):
    code = "import os; print(os.environ['OMP_NUM_THREADS'])"
    one, two = (python(name, code, tmp_path / name, prints_output=True) for name in ("one", "two"))
    run([one, replace(two, threads=2)], tmp_path)
    assert one.output.read_text() == "1\n"
    assert (tmp_path / "two").read_text() == "2\n"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_stops_the_children_and_a_re_run_continues(tmp_path, how):
    code = f"""
import sys, pathlib
from edgeacc.cli.demo_journal import Step
from edgeacc.cli.demo_run import Runner
folder = pathlib.Path({str(tmp_path)!r})
child = "import os, sys, time, pathlib; (pathlib.Path(sys.argv[1]).parent / 'pid').write_text(str(os.getpid()))"
step = Step("slow", ("-c", child + "; time.sleep(600)", str(folder / "slow")), folder / "slow")
Runner([step], folder, program=(sys.executable,)).run(print)
"""
    demo = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    pid = wait_for(tmp_path / "pid")
    demo.send_signal(how)
    _, said = demo.communicate(timeout=120)
    assert "KeyboardInterrupt" in said
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)
    assert not (tmp_path / "slow").exists()
    assert read_journal(tmp_path).steps["slow"].seconds > 0


def wait_for(path):
    for _ in range(2000):
        if path.exists() and path.read_text():
            return path.read_text()
        time.sleep(0.05)
    raise TimeoutError(path)


def test_plain_lines_say_each_change_once(tmp_path, capsys):
    step = write("a", tmp_path)
    say = PlainLines()
    for state, seconds in (("waiting", 0), ("running", 1), ("running", 2), ("done", 3), ("done", 3)):
        say([Status(step, state, seconds)])
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"[ 1/1] a: {step.command}", "[ 1/1] a: done in 3 s"]


@pytest.mark.parametrize(
    ("most_rows", "shown"), [(9, "abcdef"), (6, "abcdef"), (5, "bcdef"), (4, "cdef"), (3, "cde"), (2, "cd"), (1, "cd")]
)
def test_the_live_table_keeps_what_runs_on_a_low_terminal(tmp_path, most_rows, shown):
    states = dict(zip("abcdef", ("done", "done", "running", "running", "waiting", "waiting"), strict=True))
    statuses = [Status(write(name, tmp_path), state, 2, 0.5) for name, state in states.items()]
    table = live_table(statuses, most_rows)
    assert "".join(table.columns[1].cells) == shown
    assert "2 of 6" in table.title
