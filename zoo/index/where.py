"""Filters in SQL's own words (`label = 'cat' and year > 2010`) that can do nothing but filter."""

import re
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from zoo.embedding.rows import NUMBERS, TRUTH, TRUTHS, kinds_of
from zoo.errors import IntegrityError, UnavailableError, UsageError

Kinds = Mapping[str, frozenset[str]]  # which kinds of `zoo.embedding.rows` a column may be of
Stop = Callable[[], str]  # asked every few milliseconds; a reason ends the evaluation

FUNCTIONS = {"abs", "coalesce", "glob", "ifnull", "iif", "instr", "length", "like", "lower"} | {
    *("ltrim", "max", "min", "nullif", "round", "rtrim", "substr", "substring", "trim", "upper")
}
STEPS_AT_ONCE = 100_000  # virtual machine steps between two looks at the budget
BUDGET = 5_000  # looks: 5e8 steps, about 10 s, end a clause that never ends
AT_ONCE = 2  # conditions that one segment evaluates side by side, each on its own connection
LOOK_S = 0.05  # between two looks of a condition that waits for a connection
DAMAGED = (
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOTADB,
)
_ROW = '"""row"""'  # its name has quotes in it, which a column's may not
_ORDER = f"ORDER BY {_ROW}"
_TRUTHS = "truths"  # the collation of columns of truths
LIMITS = {
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 10_000,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 100,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 1,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 1_000,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
}


def go_on() -> str:
    """Give no reason to stop."""
    return ""


class Filter:
    """A segment's SQLite file, opened once to evaluate conditions; safe to share between threads.

    It stays open: a writer may sweep the file away and this generation still answers. The file is
    opened read-only, and an authorizer refuses everything but reading `items`.
    columns: every column of the index; those this segment lacks are null here.

    Raises:
        IntegrityError: the file is gone, or is no database.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path = path
        self.columns = tuple(columns)
        self._changed = threading.Condition()
        self._closed = False
        address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        try:
            self._all = [
                sqlite3.connect(address, uri=True, check_same_thread=False) for _ in range(AT_ONCE)
            ]
            described = self._all[0].execute(
                'SELECT lower(name), type FROM pragma_table_info("items")'
            )
            self._types = {str(name): str(kind) for name, kind in described}
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise IntegrityError(f"{path}: {error}") from error
        self.use_kinds({c: kinds_of(self._type(c)) for c in columns})
        self._free = list(self._all)
        for connection in self._all:
            _confine(connection)

    def use_kinds(self, kinds: Kinds) -> None:
        """Take columns for numbers or truths as `kinds` says, others for text.

        A value that is not a number is null among numbers: it fulfils no comparison. A truth is 1
        or 0, and equals the words for it. The row's own number is under a name that no column has.
        """
        shown = ", ".join(self._shown(name, kinds.get(name, frozenset())) for name in self.columns)
        self._source = f"(SELECT row AS {_ROW}, {shown} FROM main.items)"

    def _type(self, name: str) -> str:
        return self._types.get(name.lower(), "")

    def _shown(self, name: str, kinds: frozenset[str]) -> str:
        if not self._type(name):
            return f'NULL AS "{name}"'
        if NUMBERS in kinds:
            return f'CAST(NULLIF(lower("{name}"), \'nan\') AS NUMERIC) AS "{name}"'
        if TRUTHS in kinds:
            cases = " ".join(f"WHEN '{word}' THEN '{truth}'" for word, truth in TRUTH.items())
            one = f'CAST(CASE lower("{name}") {cases} END AS TEXT)'
            return f'{one} COLLATE {_TRUTHS} AS "{name}"'
        if self._type(name) == "NUMERIC":  # written before numbers were kept as text
            return f'CAST("{name}" AS TEXT) AS "{name}"'
        return f'"{name}"'

    def rows(self, clause: str, stop: Stop = go_on) -> Int64[np.ndarray, " match"]:
        """Return, ascending, the rows that `clause` is true for.

        Raises:
            UsageError: the clause is no such expression (the hint lists the columns), or was
                interrupted: it never ended, or `stop` gave a reason.
            UnavailableError: the file was closed meanwhile.
            IntegrityError: the file is damaged in a way its hash did not show.
        """
        _refuse_nonsense(clause, self.columns)
        statement = f"SELECT {_ROW} FROM {self._source} AS items WHERE (\n{clause}\n) {_ORDER}"
        look = _Look(self, stop)
        try:
            with self._borrowed(look) as connection:
                connection.set_progress_handler(look, STEPS_AT_ONCE)
                found = connection.execute(statement)
                return np.fromiter((row for (row,) in found), np.int64)
        except (sqlite3.Error, sqlite3.Warning) as error:
            if self._closed:
                raise UnavailableError(f"{self.path} was closed", "ask again") from error
            if getattr(error, "sqlite_errorcode", 0) in DAMAGED:
                raise IntegrityError(f"{self.path}: {error}") from error
            reason = look.reason or " ".join(str(error).removesuffix(f') {_ORDER}"').split())
            raise UsageError(
                f"--where {clause!r}: {reason}", f"columns: {', '.join(self.columns)}"
            ) from error

    def close(self) -> None:
        """End what runs, wait for it, and close the file: SQLite dies of a file closed under it."""
        with self._changed:
            self._closed = True
            for connection in self._all:
                connection.interrupt()
            self._changed.notify_all()
            self._changed.wait_for(lambda: len(self._free) == len(self._all))
            while self._free:
                self._free.pop().close()
            self._all.clear()

    @contextmanager
    def _borrowed(self, look: "_Look") -> Iterator[sqlite3.Connection]:
        with self._changed:
            while not (self._free or look.ends()):
                self._changed.wait(LOOK_S)
            if look.ends() or not self._free:
                raise sqlite3.OperationalError("interrupted")
            connection = self._free.pop()
        try:
            yield connection
        finally:
            with self._changed:
                self._free.append(connection)
                self._changed.notify_all()


class _Look:
    """What SQLite asks every few milliseconds; anything but 0 ends the statement.

    reason: why it was ended, or nothing.
    """

    def __init__(self, filter_: Filter, stop: Stop) -> None:
        self.filter = filter_
        self.stop = stop
        self.reason = ""
        self._left = BUDGET

    def __call__(self) -> int:
        self._left -= 1
        if self._left < 0:
            self.reason = f"interrupted: it takes more than {BUDGET * STEPS_AT_ONCE:.0e} steps"
        return int(self.ends())

    def ends(self) -> bool:
        """Whether there is a reason to end."""
        if not self.reason and (
            why := "the index was closed" if self.filter._closed else self.stop()
        ):
            self.reason = f"interrupted: {why}"
        return bool(self.reason)


def _confine(connection: sqlite3.Connection) -> None:
    for limit, value in LIMITS.items():
        connection.setlimit(limit, value)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.create_collation(_TRUTHS, _compared)
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


def _compared(one: str, other: str) -> int:
    """Order a truth and another text: the words for a truth are that truth."""
    one, other = (TRUTH.get(text.lower(), text) for text in (one, other))
    return (one > other) - (one < other)


def _refuse_nonsense(clause: str, columns: Sequence[str]) -> None:
    """Refuse what SQLite would take without a word, such as an unknown name in double quotes."""
    if not clause.strip():
        raise UsageError("--where is empty", "for example: label = 'cat' and year > 2010")
    if "\0" in clause:
        raise UsageError("--where holds a null character")
    known = {column.lower() for column in columns}
    plain = re.sub(r"'[^']*'", "", clause)
    names = re.findall(r'"([^"]*)"', plain)
    names += re.findall(r"\b(?:rowid|_rowid_|oid)\b", plain, re.IGNORECASE)  # SQLite's hidden ones
    for name in names:
        if name.lower() not in known:
            raise UsageError(
                f"--where {clause!r}: no column {name!r}",
                f"texts stand in single quotes; columns: {', '.join(columns)}",
            )
