"""The app: one line per command, and the funnel that turns errors into one line and a code."""

import sys
from typing import Annotated, NoReturn, cast

import typer

from cli.bench import app as bench_app
from cli.card import card
from cli.compare import compare
from cli.convert import convert
from cli.detect import detect
from cli.doctor import doctor
from cli.download import download
from cli.embed import embed
from cli.eval import evaluate
from cli.export import export
from cli.index import app as index_app
from cli.list import list_cards
from cli.push import push
from cli.quickstart import quickstart
from cli.search import search
from cli.serve import serve
from cli.show import show
from cli.train import train
from zoo import __version__
from zoo.errors import RankzooError, UsageError

app = typer.Typer(
    name="rankzoo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
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


app.command("list")(list_cards)
app.command("show")(show)
app.command("download")(download)
app.command("eval")(evaluate)
app.add_typer(index_app)
app.add_typer(bench_app)
app.command("search")(search)
app.command("serve")(serve)
app.command("embed")(embed)
app.command("detect")(detect)
app.command("train")(train)
app.command("compare")(compare)
app.command("push")(push)
app.add_typer(card, name="card")
app.command("convert")(convert)
app.command("export")(export)
app.command("doctor")(doctor)
app.command("quickstart")(quickstart)


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
