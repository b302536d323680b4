"""A stand-in for the Hugging Face Hub on loopback: repositories of commits, and requests that go wrong when they are told to."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from threading import Lock
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from tests.loopback import Handler, serve

Fault = Literal["refused", "lost", "cut", "dropped"]
"""Answered by 403 and not done; done and never answered; done and answered in part; neither done nor answered."""
FAULTS: tuple[Fault, ...] = ("refused", "lost", "cut", "dropped")
REPOSITORY = "/api/datasets/us/tiny/"
Tree = dict[str, bytes]


def name_commit(number: int) -> str:
    """The id of a commit by its number."""
    return hashlib.sha1(str(number).encode()).hexdigest()


@dataclass
class Hub:
    """One dataset repository, and what was asked of it."""

    url: str = ""
    repositories: list[dict[str, Any]] = field(default_factory=list)
    commits: dict[str, Tree] = field(default_factory=lambda: {name_commit(0): {".gitattributes": b"*"}})
    main: str = name_commit(0)
    tags: dict[str, str] = field(default_factory=dict)
    uploads: Tree = field(default_factory=dict)
    """Large files by their SHA-256, whether a commit has them or not."""
    asked: list[str] = field(default_factory=list)
    """Method and path of each request."""
    fault: Callable[[int], Fault | None] = lambda number: None
    """What goes wrong with a request, by its number."""
    meets: Callable[[str], None] = lambda path: None
    """Called with the path of each request before it is done."""
    lock: Any = field(default_factory=Lock)

    def reset(self) -> None:
        """Forget all that was asked, and what was to go wrong."""
        self.__dict__.update(Hub(self.url).__dict__)

    @property
    def files(self) -> Tree:
        """What main holds."""
        return {path: content for path, content in self.commits[self.main].items() if path != ".gitattributes"}

    def refs(self) -> dict[str, Any]:
        """Branches and tags."""
        tags = [{"name": tag, "ref": f"refs/tags/{tag}", "targetCommit": oid} for tag, oid in self.tags.items()]
        return {
            "branches": [{"name": "main", "ref": "refs/heads/main", "targetCommit": self.main}],
            "converts": [],
            "tags": tags,
        }

    def tree(self, revision: str) -> list[dict[str, Any]] | None:
        """The files of a revision as the Hub lists them."""
        oid = self.main if revision == "main" else self.tags.get(revision, revision)
        return [describe(path, content) for path, content in self.commits[oid].items()] if oid in self.commits else None

    def commit(self, body: bytes) -> tuple[Any, int]:
        """Move main to a commit on top of it; refused where that is not the parent that it was made for."""
        tree = dict(self.commits[self.main])
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "header" and value.get("parentCommit", self.main) != self.main:
                return {"error": "The expected parent commit is not the current head of main. Please refresh."}, 412
            if line["key"] == "file":
                tree[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                if value["oid"] not in self.uploads:
                    return {"error": f"{value['path']}: no such object was uploaded"}, 400
                tree[value["path"]] = self.uploads[value["oid"]]
            elif line["key"] == "deletedFile":
                del tree[value["path"]]
        self.main = name_commit(len(self.commits))
        self.commits[self.main] = tree
        return {
            "success": True,
            "commitOid": self.main,
            "commitUrl": f"{self.url}/datasets/us/tiny/commit/{self.main}",
        }, 200

    def do(self, method: str, path: str, body: bytes) -> tuple[Any, int]:
        """Do what is asked: the answer and its status."""
        if path == "/api/repos/create":
            self.repositories.append(json.loads(body))
            return {"url": f"{self.url}/datasets/us/tiny", "name": "us/tiny"}, 200
        if path == "/api/validate-yaml":
            return {"errors": [], "warnings": []}, 200
        if path.endswith("/info/lfs/objects/batch"):
            upload = {"upload": {"href": f"{self.url}/large/{{}}"}}
            objects = [
                {**item, "actions": json.loads(json.dumps(upload).replace("{}", item["oid"]))}
                for item in json.loads(body)["objects"]
            ]
            return {"transfer": "basic", "objects": objects}, 200
        if method == "PUT":
            self.uploads[path.removeprefix("/large/")] = body
            return {}, 200
        action, _, rest = path.removeprefix(REPOSITORY).partition("/")
        if action == "refs":
            return self.refs(), 200
        if action == "tree":
            tree = self.tree(unquote(rest.partition("/")[0]))
            return (tree, 200) if tree is not None else ({"error": "no such revision"}, 404)
        if action == "preupload":
            return {"files": [{"path": file["path"], "shouldIgnore": False, "uploadMode": mode(file["path"])} for file in json.loads(body)["files"]]}, 200  # fmt: skip
        if action == "commit":
            return self.commit(body)
        if action == "tag":
            tag = json.loads(body)["tag"]
            if tag in self.tags:
                return {"error": f"Tag {tag} exists already"}, 409
            self.tags[tag] = unquote(rest)
            return {}, 200
        return {"error": f"unexpected {method} {path}"}, 500


def mode(path: str) -> str:
    """How the Hub wants a file, by the patterns of a new repository of a data set."""
    return "lfs" if path.endswith(".parquet") else "regular"


def describe(path: str, content: bytes) -> dict[str, Any]:
    """A file as the Hub lists it."""
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    entry = {"type": "file", "path": path, "size": len(content), "oid": blob}
    if mode(path) == "lfs":
        entry |= {"lfs": {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}}
    return entry


@contextmanager
def serve_hub() -> Iterator[Hub]:
    """The stand-in, running."""
    hub = Hub()

    class HubHandler(Handler):
        def do_GET(self) -> None:
            path, body = urlsplit(self.path).path, self.read_body()
            hub.meets(path)
            with hub.lock:
                number = len(hub.asked)
                hub.asked.append(f"{self.command} {path}")
                fault = hub.fault(number)
                answer: tuple[Any, int] = ({"error": "this is not for you"}, 403)
                if fault not in ("refused", "dropped"):
                    answer = hub.do(self.command, path, body)
            if fault in ("lost", "dropped"):
                self.hang_up()
            elif fault == "cut":
                data = json.dumps(answer[0]).encode()
                self.send_response(answer[1])
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data[: len(data) // 2])
                self.hang_up()
            else:
                self.answer(*answer)

        do_POST = do_PUT = do_GET

        def hang_up(self) -> None:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)

    with serve(HubHandler, ThreadingHTTPServer) as hub.url:
        yield hub
