"""The loopback Hub's answers: the paths that `huggingface_hub` 2.4 asks for."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

LFS = (".safetensors", ".bin", ".onnx", ".pt2")


def git_blob(body: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()


def _entry(name: str, body: bytes) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": "file", "path": name, "size": len(body)}
    entry["oid"] = entry["blobId"] = git_blob(body)
    if name.endswith(LFS):
        sha256 = hashlib.sha256(body).hexdigest()
        entry["lfs"] = {"oid": sha256, "sha256": sha256, "size": len(body), "pointerSize": 134}
    return {**entry, "rfilename": name}


def _folder(name: str) -> dict[str, Any]:
    return {"type": "directory", "path": name, "oid": git_blob(name.encode()), "size": 0}


def handler(hub: Any) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Stay silent."""

        def reply(
            self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None
        ) -> None:
            self.send_response(status)
            sent = {"Content-Length": str(len(body)), **(headers or {})}
            for key, value in sent.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def reply_json(self, value: Any, status: int = 200) -> None:
            body = json.dumps(value).encode()
            self.reply(status, body, {"Content-Type": "application/json"})

        def error(self, status: int, code: str) -> None:
            self.reply(status, b"{}", {"X-Error-Code": code, "X-Error-Message": code})

        def body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def handle_any(self) -> None:
            split = urlsplit(self.path)
            path = unquote(split.path)
            hub.requests.append((self.command, path))
            self.fault = hub.fault_of(self.command, path)
            sent = self.body()
            if self.fault is not None and self.fault.status:
                self.reply(self.fault.status, self.fault.body, self.fault.headers)
                return
            if self.fault is not None and self.fault.hold and self.fault.drop_after is None:
                hub.wait()
            for pattern, method, answer in ROUTES:
                match = re.fullmatch(pattern, path)
                if match and self.command in method:
                    answer(self, sent, parse_qs(split.query), **match.groupdict())
                    return
            self.error(404, "RouteNotFound")

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815

        def found(self, repo: str, revision: str) -> tuple[Any, str] | None:
            known = hub.repos.get(repo)
            if repo in hub.renamed:
                target = self.path.replace(repo, hub.renamed[repo])
                self.reply(307, b"", {"Location": target})
            elif known is None or (known.private and not self.headers.get("Authorization")):
                self.error(404, "RepoNotFound")
            elif (sha := known.resolve(revision)) is None:
                self.error(404, "RevisionNotFound")
            else:
                return known, sha
            return None

        def whoami(self, sent: bytes, query: Any) -> None:
            self.reply_json({"type": "user", "name": "me", "orgs": []})

        def info(self, sent: bytes, query: Any, repo: str, revision: str | None = None) -> None:
            if (hit := self.found(repo, revision or "main")) is None:
                return
            known, sha = hit
            names = known.listed
            files = [_entry(names.get(n, n), body) for n, body in known.commits[sha].items()]
            value = {"id": repo, "modelId": repo, "sha": sha, "siblings": files}
            gated = "manual" if known.gated else False
            self.reply_json({**value, "private": known.private, "gated": gated, "tags": []})

        def tree(
            self, sent: bytes, query: Any, repo: str, revision: str, folder: str | None = None
        ) -> None:
            if (hit := self.found(repo, revision)) is not None:
                known, sha = hit
                files = known.commits[sha]
                inside = f"{folder}/" if folder else ""
                below = {n: body for n, body in files.items() if n.startswith(inside)}
                whole = query.get("recursive") == ["true"] or not repo.startswith("datasets/")
                near = {n for n in below if whole or "/" not in n[len(inside) :]}
                folders = {inside + n[len(inside) :].split("/")[0] for n in below.keys() - near}
                listed = [_entry(n, files[n]) for n in below if n in near]
                self.reply_json(listed + [_folder(name) for name in sorted(folders)])

        def paths_info(self, sent: bytes, query: Any, repo: str, revision: str) -> None:
            if (hit := self.found(repo, revision)) is not None:
                known, sha = hit
                wanted = json.loads(sent)["paths"] if sent[:1] == b"{" else []
                if not wanted:
                    wanted = parse_qs(sent.decode()).get("paths", [])
                files = known.commits[sha]
                folders = {n for n in wanted if any(f.startswith(f"{n}/") for f in files)}
                listed = [_entry(n, files[n]) for n in wanted if n in files]
                self.reply_json(listed + [_folder(name) for name in sorted(folders)])

        def file(self, sent: bytes, query: Any, repo: str, revision: str, name: str) -> None:
            if (hit := self.found(repo, revision)) is None:
                return
            known, sha = hit
            if known.gated and not self.headers.get("Authorization"):
                self.error(401, "GatedRepo")
                return
            real = {shown: n for n, shown in known.listed.items()}.get(name, name)
            body = known.commits[sha].get(real)
            if body is None:
                self.error(404, "EntryNotFound")
                return
            entry = _entry(name, body)
            etag = entry.get("lfs", {}).get("sha256", entry["blobId"])
            headers = {"X-Repo-Commit": sha, "ETag": f'"{etag}"', "Accept-Ranges": "bytes"}
            if "lfs" in entry:
                headers |= {"X-Linked-Size": str(len(body)), "X-Linked-Etag": f'"{etag}"'}
            self.content(body, headers)

        def content(self, body: bytes, headers: dict[str, str]) -> None:
            status, start = 200, 0
            end = len(body)
            if match := re.match(r"bytes=(\d+)-(\d*)$", self.headers.get("Range", "")):
                status, start = 206, int(match[1])
                end = min(end, int(match[2]) + 1) if match[2] else end
                headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(body)}"
            part = body[start:end]
            if self.fault and self.fault.corrupt:
                part = part[:-1] + bytes([part[-1] ^ 1])
            if self.fault and self.fault.drop_after is not None:
                cut = part[: self.fault.drop_after]
                self.reply(status, cut, {**headers, "Content-Length": str(len(part))})
                if self.fault.hold:
                    hub.wait()
                    self.wfile.write(part[len(cut) :])
                self.close_connection = True
                return
            self.reply(status, part, headers)

        def create(self, sent: bytes, query: Any) -> None:
            asked = json.loads(sent)
            owner = asked.get("organization") or "me"
            name = f"{owner}/{asked['name']}"
            private = bool(asked.get("private")) or asked.get("visibility") == "private"
            value = {"url": f"{hub.url}/{name}", "name": name, "id": "1"}
            if name in hub.repos:
                self.reply_json({**value, "error": "You already created this model repo"}, 409)
                return
            hub.create(name, private)
            self.reply_json(value)

        def validate_yaml(self, sent: bytes, query: Any) -> None:
            self.reply_json({"errors": [], "warnings": []})

        def preupload(self, sent: bytes, query: Any, repo: str, revision: str) -> None:
            if (hit := self.found(repo, revision)) is None:
                return
            files = hit[0].commits[hit[1]]
            modes = []
            for file in json.loads(sent)["files"]:
                name = file["path"]
                mode = "lfs" if name.endswith(LFS) else "regular"
                oid = git_blob(files[name]) if name in files and mode == "regular" else None
                modes.append({"path": name, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
            self.reply_json({"files": modes})

        def lfs_batch(self, sent: bytes, query: Any, repo: str) -> None:
            objects = []
            for asked in json.loads(sent)["objects"]:
                upload = {"upload": {"href": f"{hub.url}/lfs/{asked['oid']}"}}
                known = asked["oid"] in hub.lfs
                objects.append({**asked, **({} if known else {"actions": upload})})
            self.reply_json({"transfer": "basic", "objects": objects})

        def lfs_put(self, sent: bytes, query: Any, oid: str) -> None:
            hub.lfs[oid] = sent
            self.reply(200)

        def commit(self, sent: bytes, query: Any, repo: str, revision: str) -> None:
            if (hit := self.found(repo, revision)) is None:
                return
            known, sha = hit
            files = dict(known.commits[sha])
            for line in sent.splitlines():
                item = json.loads(line)
                value = item["value"]
                if item["key"] == "header":
                    hub.commit_messages.append(value["summary"])
                elif item["key"] == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                elif item["key"] == "lfsFile":
                    files[value["path"]] = hub.lfs[value["oid"]]
                elif item["key"] == "deletedFile":
                    del files[value["path"]]
            new = known.commit(files, revision)
            url = f"{hub.url}/{repo}/commit/{new}"
            self.reply_json({"success": True, "commitOid": new, "commitUrl": url})

    # a set of data is kept under its name with `datasets/` before it, as in the Hub's addresses
    model = r"/api/(?:models/)?(?P<repo>(?:datasets/)?[^/]+/[^/]+)"
    ROUTES: list[tuple[str, str, Any]] = [
        (r"/api/whoami-v2", "GET", Handler.whoami),
        (model, "GET", Handler.info),
        (model + r"/revision/(?P<revision>.+)", "GET", Handler.info),
        (model + r"/tree/(?P<revision>[^/]+)/?(?P<folder>.+)?", "GET", Handler.tree),
        (model + r"/paths-info/(?P<revision>.+)", "POST", Handler.paths_info),
        (model + r"/preupload/(?P<revision>.+)", "POST", Handler.preupload),
        (model + r"/commit/(?P<revision>.+)", "POST", Handler.commit),
        (r"/api/repos/create", "POST", Handler.create),
        (r"/api/validate-yaml", "POST", Handler.validate_yaml),
        (r"/(?P<repo>[^/]+/[^/]+)\.git/info/lfs/objects/batch", "POST", Handler.lfs_batch),
        (r"/lfs/(?P<oid>[0-9a-f]+)", "PUT", Handler.lfs_put),
        (
            r"/(?P<repo>(?:datasets/)?[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<name>.+)",
            "GET HEAD",
            Handler.file,
        ),
    ]
    return Handler
