"""A kit's project: files of this package as they are, and templates with what a bundle fills in."""

import shutil
from collections.abc import Collection
from pathlib import Path

from jinja2 import Environment, StrictUndefined

_TEMPLATE = ".jinja"
_ENVIRONMENT = Environment(
    undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False
)  # no page: source code


def copy_project(project: Path, folder: Path, values: dict[str, object], *, leave_out: Collection[str] = ()) -> None:
    """Copy a project into an existing folder; `NAME.jinja` becomes `NAME`, filled in.

    Args:
        project: of this package.
        folder: where.
        values: that the templates name; one that is missing is our mistake, and raises.
        leave_out: paths within the project, of files or folders.
    """
    for source in sorted(path for path in project.rglob("*") if path.is_file()):
        place = source.relative_to(project)
        if not {str(place), *map(str, place.parents)} & set(leave_out):
            copy_file(source, folder / place, values)


def copy_file(source: Path, to: Path, values: dict[str, object]) -> None:
    """Copy one file, as `copy_project`."""
    to.parent.mkdir(parents=True, exist_ok=True)
    if source.suffix == _TEMPLATE:
        to.with_suffix("").write_text(_ENVIRONMENT.from_string(source.read_text()).render(values))
    else:
        shutil.copyfile(source, to)
