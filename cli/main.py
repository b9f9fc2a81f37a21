"""The app, and the funnel that turns errors into one line and a code."""

import sys
from typing import Annotated, NoReturn, cast

import typer

from cli.commands import HELP, CommandGroup
from zoo import __version__
from zoo.errors import RankzooError, UsageError

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
    sys.exit(code)


def _from_os(error: OSError) -> RankzooError:
    where = f"{error.filename}: " if error.filename else ""
    return RankzooError(f"{where}{error.strerror or error}")


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
