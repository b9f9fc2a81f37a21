"""`rankzoo index info|verify`: what an index is, and whether it is whole."""

from cli.index.options import Folder
from cli.index.show import facts, summary
from cli.options import Json, Quiet


def info(index: Folder, json: Json = False, quiet: Quiet = False) -> None:
    """Show counts, model, plan, tuning table and history."""
    from cli.output import Output
    from zoo.index import Index

    value = Index.open(index).info()
    Output(json, quiet).result({**value, "ok": True}, lambda: facts(value))


def verify(index: Folder, json: Json = False, quiet: Quiet = False) -> None:
    """Read every file and compare it with its sha256."""
    from cli.output import Output
    from zoo.index import Index

    output = Output(json, quiet)
    opened = Index.open(index, trust_seen=False)
    value = {**summary(opened.info()), "bytes": opened.verify(output.track), "ok": True}
    output.result(value, lambda: facts(value))
