"""What the documentation shows can be done: commands exist, scripts run."""

import re
import shlex
from pathlib import Path

import click
import pytest

from emirimg.cli import main
from emirimg.simulation import Scene, write_tutorial

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    page
    for page in [*ROOT.glob("*.rst"), *ROOT.glob("docs/**/*.rst")]
    if not {"_build", "api", "gallery", "tutorial"} & set(page.relative_to(ROOT).parts)
)
COMMAND = re.compile(r"(?:^[ \t]+(?:\$ )?|``|&& )emirimg ((?:\\\n|[^`\n#|>&])*)", re.MULTILINE)
PYTHON = re.compile(r"^\.\. code-block:: python\n\n((?:(?:   .*)?\n)+)", re.MULTILINE)


def commands():
    for page in PAGES:
        for match in COMMAND.finditer(page.read_text(encoding="utf-8")):
            text = " ".join(match[1].replace("\\\n", " ").replace("...", "").split())
            yield pytest.param(text, id=f"{page.stem}: {text}")


def blocks():
    for page in PAGES:
        for match in PYTHON.finditer(page.read_text(encoding="utf-8")):
            yield pytest.param(match[1], id=page.stem)


@pytest.mark.parametrize("text", list(commands()))
def test_commands_exist(text):
    words = shlex.split(text)
    if not words or words[0].startswith("-"):
        return
    context = click.Context(main, info_name="emirimg")
    command = main.get_command(context, words[0])
    assert command is not None, f"there is no command {words[0]}"
    if all(word.startswith("-") for word in words[1:] if word not in ("NAME", "GB")):
        # A sentence that names options, without the files.
        known = {name for option in command.params for name in [*option.opts, "--help"]}
        known |= {name for option in command.params for name in option.secondary_opts}
        options = [word.partition("=")[0] for word in words[1:] if word.startswith("-")]
        assert set(options) <= known
        return
    inner = click.Context(command, info_name=words[0], parent=context)
    command.make_parser(inner).parse_args(words[1:])


@pytest.mark.filterwarnings("ignore::emirimg.exceptions.EmirimgWarning")
@pytest.mark.parametrize("code", list(blocks()))
def test_python_runs(code, tmp_path, monkeypatch):
    """In a directory with exposures under data/ and the masters beside it."""
    scene = Scene(
        n_exposures=3, shape=(256, 256), n_stars=60, n_galaxies=5, dither_scale=0.2, seed=2
    )
    tree = write_tutorial(tmp_path, scene)
    tree.bad_pixel_mask.rename(tmp_path / "bpm.fits")
    tree.flat.rename(tmp_path / "flat.fits")
    monkeypatch.chdir(tmp_path)
    code = "\n".join(line.removeprefix("   ").removeprefix(" ") for line in code.splitlines())
    exec(compile(code, "page", "exec"), {})
