"""Who may ask, how much and how often."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from zoo.errors import UsageError
from zoo.serve.guard import host_of
from zoo.serve.settings import Limits, check_door, read_token

LIST = "/api/indexes"
SEARCH = "/api/indexes/idx/search"
TOKEN = "a-token-long-enough"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("127.0.0.1:8642", 200),
        ("[::1]:8642", 200),
        ("LOCALHOST.:80", 200),
        ("evil.example", 421),  # DNS rebinding: a foreign name that leads here
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("", 421),
    ],
)
def test_only_our_own_names_are_answered_to(
    client: Callable[..., TestClient], host: str, status: int
) -> None:
    answer = client().get(LIST, headers={"host": host})
    assert answer.status_code == status
    assert client(names=("evil.example",)).get(LIST, headers={"host": "evil.example"}).is_success


def test_pages_of_other_sites_may_not_ask_but_may_link(client: Callable[..., TestClient]) -> None:
    ask = client()
    assert ask.get(LIST, headers={"sec-fetch-site": "same-origin"}).status_code == 200
    for site in ("cross-site", "same-site"):
        assert ask.get(LIST, headers={"sec-fetch-site": site}).status_code == 403
        assert ask.get("/", headers={"sec-fetch-site": site}).status_code == 200


def test_every_answer_has_the_security_headers(client: Callable[..., TestClient]) -> None:
    ask = client()
    for path in ("/", LIST, "/nowhere", SEARCH, "/static/app.js"):
        headers = ask.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in headers
    assert ask.get(LIST).headers["cache-control"] == "no-store"


def test_a_token_opens_everything_but_the_bare_page(client: Callable[..., TestClient]) -> None:
    ask = client(token=TOKEN)
    assert [ask.get(p).status_code for p in ("/", "/static/app.js", "/health")] == [200] * 3
    closed = (LIST, "/metrics", "/openapi.json", SEARCH, "/api/indexes/idx/items/0/picture")
    for path in closed:
        answer = ask.get(path)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    for wrong in (b"Bearer wrong", f"Basic {TOKEN}".encode(), b"Bearer", b"Bearer \xff"):
        assert ask.get(LIST, headers={b"authorization": wrong}).status_code == 401
    assert ask.get(LIST, headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    ask.cookies.set("rankzoo", TOKEN)
    assert ask.get(LIST).status_code == 401


def test_the_page_gets_a_cookie_for_its_token(client: Callable[..., TestClient]) -> None:
    ask = client(token=TOKEN)
    answer = ask.post("/api/session", headers={"authorization": f"Bearer {TOKEN}"})
    cookie = answer.headers["set-cookie"]
    assert answer.status_code == 204
    assert TOKEN not in cookie
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert ask.get(LIST).status_code == 200


def test_searches_are_rationed_by_client_and_time_gives_back(
    client: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("zoo.serve.guard.time.monotonic", lambda: now[0])
    ask = client(limits=Limits(rate=2))
    asked = [ask.get(SEARCH, params={"text": "red"}) for _ in range(10)]
    assert [answer.status_code for answer in asked] == [200] * 8 + [429] * 2
    assert asked[-1].headers["retry-after"] == "1"
    assert ask.get("/health").status_code == 200
    now[0] = 1.0
    assert [ask.get(SEARCH, params={"text": "red"}).status_code for _ in range(3)] == [
        200,
        200,
        429,
    ]


def test_guessing_tokens_runs_dry(
    client: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.serve.guard.time.monotonic", lambda: 0.0)
    ask = client(token=TOKEN, limits=Limits(rate=5))
    guesses = [
        ask.get(LIST, headers={"authorization": f"Bearer {i}"}).status_code for i in range(6)
    ]
    assert guesses == [401] * 4 + [429] * 2


def test_what_takes_too_long_is_ended(
    client: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    from zoo.serve.encoder import Encoder

    answered = threading.Event()

    def slow(_: Encoder, texts: list[str]) -> list[object]:
        answered.wait(60)
        return [None] * len(texts)

    monkeypatch.setattr(Encoder, "embed_texts", slow)
    answer = client(limits=Limits(rate=0, seconds=0.1)).get(SEARCH, params={"text": "red"})
    answered.set()
    assert (answer.status_code, answer.json()["error"]) == (504, "this took over 0.1 s")


def test_other_machines_are_let_in_with_a_token_only(tmp_path: Path) -> None:
    for host in ("127.0.0.1", "::1", "localhost", "127.1.2.3"):
        check_door(host, "")
    for host in ("0.0.0.0", "::", "10.0.0.1", "example.org"):
        with pytest.raises(UsageError, match="needs a token"):
            check_door(host, "")
        check_door(host, TOKEN)
    with pytest.raises(UsageError, match="fewer than 16"):
        check_door("0.0.0.0", "short")
    (tmp_path / "token").write_text("\n")
    with pytest.raises(UsageError, match="empty"):
        read_token(tmp_path / "token")
    with pytest.raises(UsageError, match="cannot be read"):
        read_token(tmp_path / "none")


def test_the_token_is_read_from_its_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    assert read_token(tmp_path / "token") == TOKEN
    monkeypatch.setenv("RANKZOO_TOKEN", TOKEN)
    assert read_token(None) == TOKEN
    monkeypatch.delenv("RANKZOO_TOKEN")
    assert read_token(None) == ""


@pytest.mark.parametrize(
    ("header", "host"),
    [("a.b:1", "a.b"), ("[::1]", "::1"), ("[fe80::1%eth0]:8", "fe80::1%eth0"), (" X ", "x")],
)
def test_the_host_is_what_stands_before_the_port(header: str, host: str) -> None:
    assert host_of(header) == host
