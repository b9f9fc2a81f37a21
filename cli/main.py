"""The app, and the funnel that turns errors into one line and a code."""

import os
import shlex
import sys
import tempfile
import traceback
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, NoReturn, cast

import typer

from cli.commands import HELP, CommandGroup
from zoo import __version__
from zoo.errors import RankzooError, UsageError, is_memory_full, memory_full

app = typer.Typer(
    name="rankzoo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings=HELP,
    cls=CommandGroup,
)

_BadCommandLine = cast(type[Exception], typer.BadParameter.__mro__[1])  # Typer's UsageError


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def rankzoo(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Train on the metric you are judged by."""


def main() -> NoReturn:
    """Run the command line: one line per error, never a traceback, exit codes as in README."""
    as_json = "--json" in sys.argv
    if isinstance(sys.stdout, TextIOWrapper):  # a terminal that knows ASCII alone gets \u2026
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = app(standalone_mode=False)
    except RankzooError as error:
        code = _report(error, as_json)
    except _BadCommandLine as error:
        code = _report_usage(error, as_json)
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except OSError as error:
        code = _report(_from_os(error), as_json, cause=error)
    except Exception as error:  # whatever else: a person sees a line, and we can see where
        code = _report(_unforeseen(error), as_json, cause=error)
    sys.exit(code)


def _from_os(error: OSError) -> RankzooError:
    where = f"{error.filename}: " if error.filename else ""
    return RankzooError(f"{where}{error.strerror or error}")


def _unforeseen(error: Exception) -> RankzooError:
    if is_memory_full(error):
        return memory_full()
    said = " ".join(str(error).split())[:200]
    what = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return RankzooError(what, f"this is a bug, RANKZOO_DEBUG=1 shows where; {_kept(error)}")


def _kept(error: Exception) -> str:
    """Write an error's traceback to a file, and say where it is."""
    called = shlex.join(["rankzoo", *sys.argv[1:]])
    lines = [f"{called}\nrankzoo {__version__}, Python {sys.version}\n\n"]
    lines += traceback.format_exception(error)
    try:
        handle, name = tempfile.mkstemp(prefix="rankzoo-", suffix=".log")
        os.close(handle)
        Path(name).write_text("".join(lines), encoding="utf-8", errors="backslashreplace")
    except OSError as problem:
        return f"no file could be written ({problem.strerror})"
    return f"please send {name}"


def _report(error: RankzooError, as_json: bool, cause: Exception | None = None) -> int:
    from cli.output import debugging, fail

    if debugging():
        raise cause or error
    fail(error, as_json)
    return error.code


def _report_usage(error: Exception, as_json: bool) -> int:
    message = getattr(error, "format_message", lambda: str(error))()
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "rankzoo"
    return _report(UsageError(message, f"see `{command} --help`"), as_json)
