"""Filters in SQL's own words (`label = 'cat' and year > 2010`) that can do nothing but filter."""

import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from zoo.errors import IntegrityError, UsageError

FUNCTIONS = {"abs", "coalesce", "glob", "ifnull", "iif", "instr", "length", "like", "lower"} | {
    *("ltrim", "max", "min", "nullif", "round", "rtrim", "substr", "substring", "trim", "upper")
}
STEPS_AT_ONCE = 100_000  # virtual machine steps between two looks at the budget
BUDGET = 5_000  # looks: 5e8 steps, about 10 s, end a clause that never ends
DAMAGED = (
    sqlite3.SQLITE_CANTOPEN,  # a writer has swept this generation away
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOTADB,
)
LIMITS = {
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 10_000,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 100,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 1,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 1_000,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
}


def matching_rows(path: Path, clause: str, columns: Sequence[str]) -> Int64[np.ndarray, " match"]:
    """Return, ascending, the rows of a segment's SQLite file that `clause` is true for.

    columns: every column of the index; those this segment lacks are null here.
    The file is opened read-only and an authorizer refuses everything but reading `items`.

    Raises:
        UsageError: the clause is no such expression; the hint lists the columns.
        IntegrityError: the file is gone, or damaged in a way its hash did not show.
    """
    _refuse_nonsense(clause, columns)
    address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(address, uri=True)) as connection:
            missing = _missing(connection, columns)
            _confine(connection)
            source = f"(SELECT *{missing} FROM main.items)" if missing else "main.items"
            rows = connection.execute(
                f"SELECT row FROM {source} AS items WHERE (\n{clause}\n) ORDER BY row"
            )
            return np.fromiter((row for (row,) in rows), np.int64)
    except (sqlite3.Error, sqlite3.Warning) as error:
        if getattr(error, "sqlite_errorcode", 0) in DAMAGED:
            raise IntegrityError(f"{path}: {error}") from error
        reason = " ".join(str(error).removesuffix(') ORDER BY row"').split())
        raise UsageError(
            f"--where {clause!r}: {reason}", f"columns: {', '.join(columns)}"
        ) from error


def _missing(connection: sqlite3.Connection, columns: Sequence[str]) -> str:
    described = connection.execute('SELECT name FROM pragma_table_info("items")')
    own = {str(name).lower() for (name,) in described}
    return "".join(f', NULL AS "{name}"' for name in columns if name.lower() not in own)


def _confine(connection: sqlite3.Connection) -> None:
    for limit, value in LIMITS.items():
        connection.setlimit(limit, value)
    connection.execute("PRAGMA trusted_schema = OFF")
    remaining = iter(range(BUDGET))
    connection.set_progress_handler(lambda: int(next(remaining, None) is None), STEPS_AT_ONCE)
    connection.set_authorizer(_authorize)


def _authorize(
    action: int, first: str | None, second: str | None, _database: str | None, _trigger: str | None
) -> int:
    allowed = (
        action == sqlite3.SQLITE_SELECT
        or (action == sqlite3.SQLITE_READ and first == "items")
        or (action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in FUNCTIONS)
    )
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _refuse_nonsense(clause: str, columns: Sequence[str]) -> None:
    """Refuse what SQLite would take without a word, such as an unknown name in double quotes."""
    if not clause.strip():
        raise UsageError("--where is empty", "for example: label = 'cat' and year > 2010")
    if "\0" in clause:
        raise UsageError("--where holds a null character")
    known = {column.lower() for column in columns}
    for name in re.findall(r'"([^"]*)"', re.sub(r"'[^']*'", "", clause)):
        if name.lower() not in known:
            raise UsageError(
                f"--where {clause!r}: no column {name!r}",
                f"texts stand in single quotes; columns: {', '.join(columns)}",
            )
