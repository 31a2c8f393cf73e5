"""What the command says, and what its exit status is."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from emirimg import __version__
from emirimg.cli import main
from emirimg.cli._options import debug_option
from emirimg.exceptions import InputError

COMMANDS = [
    "check", "compare", "demo", "generate-yaml", "info", "inject", "reduce", "run", "score",
    "show", "simulate",
]  # fmt: skip
HEAVY = ["astropy", "matplotlib", "numba", "numpy", "pydantic", "rich", "scipy"]


@pytest.fixture
def failing():
    """Add a command that raises what it is told to, for the time of a test."""
    error = None

    @click.command("fail")
    @debug_option
    def fail():
        raise error

    def run(what, *arguments):
        nonlocal error
        error = what
        return CliRunner().invoke(main, ["fail", *arguments])

    main.add_command(fail)
    yield run
    del main.commands["fail"]


def test_help_lists_the_commands():
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    assert all(f"\n  {name} " in result.output for name in COMMANDS)
    assert sorted(main.commands) == COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_command_has_examples(name, option):
    result = CliRunner().invoke(main, [name, option])
    assert result.exit_code == 0
    assert "\n  Examples:\n" in result.output
    assert f"\n    emirimg {name}" in result.output
    assert max(map(len, result.output.splitlines())) <= 80


@pytest.mark.parametrize("arguments", [["--help"], ["reduce", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments):
    code = (
        "import sys\n"
        "from emirimg.cli import main\n"
        f"main({arguments!r}, standalone_mode=False)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert done.stdout


def test_no_garbage_is_searched_for_at_the_end():
    code = (
        "import atexit, gc\n"
        "from emirimg.cli import main\n"
        "atexit.register(lambda: print(f'{gc.get_freeze_count() > 0} at the end'))\n"
        "print(gc.get_freeze_count())\n"
        "main(['--version'])\n"
    )
    # What is registered first is called last.
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["0", f"emirimg, version {__version__}", "True at the end"]


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_version(option):
    result = CliRunner().invoke(main, [option])
    assert result.output == f"emirimg, version {__version__}\n"


def test_error_is_one_message(failing):
    result = failing(InputError("a.fits is not an exposure"))
    assert result.exit_code == 1
    assert result.stderr == "emirimg: error: a.fits is not an exposure\n"
    assert result.stdout == ""


def test_system_error_is_one_message(failing):
    result = failing(PermissionError(13, "Permission denied", "/results"))
    assert result.exit_code == 1
    assert result.stderr == "emirimg: error: [Errno 13] Permission denied: '/results'\n"


def test_defect_is_said_to_be_one(failing):
    result = failing(ZeroDivisionError("division by zero"))
    assert result.exit_code == 1
    assert "unexpected ZeroDivisionError: division by zero" in result.stderr
    assert "--debug" in result.stderr
    assert "Traceback" not in result.output


def test_memory_error(failing):
    result = failing(MemoryError())
    assert result.exit_code == 1
    assert "not enough memory" in result.stderr


def test_debug_shows_the_error_itself(failing):
    result = failing(InputError("a.fits"), "--debug")
    assert isinstance(result.exception, InputError)


def test_interruption(failing):
    result = failing(KeyboardInterrupt())
    assert result.exit_code == 130
    assert result.stderr.endswith("emirimg: interrupted\n")


def test_unknown_command_is_a_usage_error():
    result = CliRunner().invoke(main, ["redcue"])
    assert result.exit_code == 2
    assert "No such command 'redcue'" in result.stderr
