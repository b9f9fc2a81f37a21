"""`rankzoo doctor`: what works on this machine."""

import typer

from cli.options import Json, Offline
from cli.output import Output


def doctor(offline: Offline = False, as_json: Json = False) -> None:
    """Check packages, caches, endpoint, faiss, mmdetection, compiler and cards."""
    from rich.table import Table

    from zoo.doctor import examine
    from zoo.errors import RankzooError

    checks = examine(connect=not offline)

    def human() -> Table:
        table = Table(box=None)
        for title in ("check", "state", "found", "what to do"):
            table.add_column(title, overflow="fold")
        for check in checks:
            table.add_row(check.name, check.state, check.found, check.advice)
        return table

    broken = [check.name for check in checks if check.state == "broken"]
    value = {"ok": not broken, "checks": [check.as_json() for check in checks]}
    Output(as_json).result(value, human)
    if broken and as_json:
        raise typer.Exit(RankzooError.code)  # the object already says what is broken
    if broken:
        raise RankzooError(f"broken: {', '.join(broken)}", "see the table above")
