"""A Hub on 127.0.0.1 for the real client: repositories in memory, and faults on request.

Written from what `huggingface_hub` 2.4 sends and expects: it proves how our code and that client
behave together, not how the public Hub behaves. LFS bytes are served directly (a redirect to the
same host makes the client lose X-Repo-Commit), and uploads need the Xet protocol switched off.
"""

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


@dataclass
class Fault:
    """What happens to the next `times` requests whose method and path match."""

    method: str
    path: str
    times: int
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    drop_after: int | None = None  # send this many bytes of the promised length, then hang up
    corrupt: bool = False  # flip a bit of the body
    hold: bool = False  # say nothing more, neither at first nor after `drop_after` bytes
    body: bytes = b"{}"


@dataclass
class Repo:
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    gated: bool = False
    private: bool = False
    listed: dict[str, str] = field(default_factory=dict)  # real name -> name the listing shows

    def commit(self, files: Mapping[str, bytes], ref: str = "main") -> str:
        content = b"".join(name.encode() + body for name, body in sorted(files.items()))
        sha = hashlib.sha1(content + str(len(self.commits)).encode()).hexdigest()
        self.commits[sha] = dict(files)
        self.refs[ref] = sha
        return sha

    def resolve(self, revision: str) -> str | None:
        return revision if revision in self.commits else self.refs.get(revision)


class LoopbackHub:
    """The server: `url`, repositories by name, the requests it saw, and the faults to come."""

    def __init__(self, handler: Callable[[Self], type[BaseHTTPRequestHandler]]) -> None:
        self.repos: dict[str, Repo] = {}
        self.renamed: dict[str, str] = {}
        self.lfs: dict[str, bytes] = {}
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str]] = []
        self.commit_messages: list[str] = []
        self.lock = threading.Lock()
        self.held, self.released = threading.Event(), threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler(self))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def add(self, name: str, files: Mapping[str, bytes], ref: str = "main") -> str:
        """Commit `files` to a repository, created when missing; return the commit."""
        return self.repos.setdefault(name, Repo()).commit(files, ref)

    def create(self, name: str, private: bool) -> None:
        """Make a repository with the first commit the Hub makes by itself."""
        self.repos[name] = Repo(private=private)
        self.repos[name].commit({".gitattributes": b""})

    def fail(self, method: str, path: str, status: int, times: int = 1, **headers: str) -> None:
        """Answer matching requests with an error; `Retry_After="1"` sends `Retry-After: 1`."""
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        self.faults.append(Fault(method, path, times, status, named))

    def hang_up(self, path: str, after: int, times: int = 1) -> None:
        """Close the connection after some bytes of the body."""
        self.faults.append(Fault("GET", path, times, drop_after=after))

    def hold(self, path: str, after: int | None = None, times: int = 999) -> None:
        """Answer nothing, or some bytes of a file and then nothing."""
        self.faults.append(Fault("GET", path, times, drop_after=after, hold=True))

    def answer(self, path: str, body: bytes) -> None:
        """Answer with this and nothing else."""
        self.faults.append(Fault("GET", path, 999, status=200, body=body))

    def corrupt(self, path: str, times: int = 1) -> None:
        """Flip one bit of the body, and keep its length."""
        self.faults.append(Fault("GET", path, times, corrupt=True))

    def fault_of(self, method: str, path: str) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if fault.method == method and fault.path in path and fault.times > 0:
                    fault.times -= 1
                    return fault
        return None

    def downloads(self, name: str) -> int:
        """How often a file's content was asked for."""
        return sum(m == "GET" and path.endswith("/" + name) for m, path in self.requests)

    def wait(self) -> None:
        """Hold an answer back until the server stops: then nobody in this process waits on."""
        self.held.set()
        self.released.wait(30)

    def stop(self) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
