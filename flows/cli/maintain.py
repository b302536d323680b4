"""The verbs of who owns a store: versions, tags, withdrawals, signatures, tidying up, lineage, publishing elsewhere."""

from __future__ import annotations

import json
import shutil
import sys
from argparse import Namespace
from collections.abc import Callable

import errata
from errata import tag_log
from errata.cli import text
from errata.cli.arguments import DONE, FAILED, REFUSED, WRONG
from errata.compare import semver
from errata.compare.text import as_text
from errata.errors import ErrataError
from errata.release.names import EXACT, parsed, wanted
from errata.signing import SIGNATURE
from errata.signing import sign as signature
from errata.storage import Place

from catalog import garbage, tags
from catalog.publish.publish import folder
from catalog.storage import Store
from flows.planning import plan as planning
from flows.planning.plan import Plan
from flows.planning.versioning import Comparison, compare_with_release, latest_release, write_version


def release(given: Namespace, store: str) -> int:
    """`errata release`: propose a version, or set and release it."""
    from flows.cli.main import build, run

    plan = planning.make_plan(given.recipe, given.data, store)
    if plan.topological_generations():
        run(plan, given.recipe, given.data, store, verbose=False, plain=given.json, publish=False)
        plan = planning.make_plan(given.recipe, given.data, store)
    found = compare_with_release(plan, latest_release(plan))
    if not given.set:
        return _proposed(given, plan, found)
    version = found.version if given.set == "auto" else given.set
    if not EXACT.fullmatch(version):
        raise ErrataError(f"--set {version[:40]!r}: expected auto or a version such as {found.version}")
    lie = _lie(found, version)
    if lie:
        print(f"{given.recipe}: version {lie}", file=sys.stderr)
        return REFUSED
    write_version(given.recipe, version)
    return build(given.recipe, given.data, store, verbose=False, plain=False)


def gates(given: Namespace, store: str) -> int:
    """`errata gates`: what a release would have to satisfy, and whether it does."""
    from flows.cli.main import run
    from flows.gates.check import check
    from flows.gates.result import line

    plan = planning.make_plan(given.recipe, given.data, store)
    if plan.topological_generations():
        run(plan, given.recipe, given.data, store, verbose=False, plain=given.json, publish=False)
        plan = planning.make_plan(given.recipe, given.data, store)
    found = check(plan)
    missed = [one for one in found if not one["passed"]]
    if given.json:
        print(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        width = shutil.get_terminal_size().columns
        print(text.gates(found, width) if plan.recipe.gates is not None else f"{given.recipe} has no `gates:`")
        print("".join(f"\n{text.plain(line(one))}" for one in missed), end="\n" if missed else "")
    return FAILED if any(one["severity"] == "fail" for one in missed) else DONE


def _lie(found: Comparison, version: str) -> str | None:
    """Why a version cannot follow the one before; None if it can."""
    if found.before is None or found.found is None:
        return None
    if parsed(version) <= parsed(found.before):
        return f"{version} does not follow {found.before}, which is published; use {found.version}"
    return semver.lie(found.found, found.before, version)


def _proposed(given: Namespace, plan: Plan, found: Comparison) -> int:
    """Show a proposal; whether the recipe's own number is one that can be released."""
    version = plan.recipe.version
    done = plan.finished
    lie = None if done else _lie(found, version)
    if given.json:
        step = semver.step_of(found.found) if found.found else None
        told = {"recipe": version, "before": found.before, "proposed": found.version, "step": step, "lie": lie}
        print(json.dumps({**told, "difference": found.found.as_json() if found.found else None}, indent=1))
    elif found.found is None:
        print(
            f"{plan.recipe.corpus}: nothing was released before; {version} is as good as any (errata build {given.recipe})"
        )
    else:
        print(as_text(found.found))
        if done:
            print(f"\n{plan.recipe.corpus} {version} is released already, nothing to do")
        else:
            print(
                f"\nproposed: {found.version}; the recipe says {version}"
                + ("" if lie else f": errata build {given.recipe}")
            )
    if lie and not given.json:
        print(f"{given.recipe}: version {lie}", file=sys.stderr)
    return REFUSED if lie else DONE


def tag(given: Namespace, store: str) -> int:
    """`errata tag`: move, remove or show."""
    asked = wanted(given.name)
    if given.tag is None:
        return _history(asked.corpus, store)
    if given.delete:
        tags.tag(Store(store), asked.corpus, given.tag, None, given.reason)
        print(f"{asked.corpus}@{given.tag} names nothing any more")
        return DONE
    release = errata.open_release(given.name, store)
    tags.tag(Store(store), asked.corpus, given.tag, release.manifest["version"], given.reason)
    print(f"{asked.corpus}@{given.tag} is {release.name} now")
    return DONE


def _history(corpus: str, store: str) -> int:
    """Show tags and notices, and every change of them."""
    place = Place(store)
    versions = [name for name in place.names(f"releases/{corpus}") if EXACT.fullmatch(name)]
    if not versions:
        raise errata.NotFound(f"store {store}: no corpus '{corpus}'; errata list shows what there is")
    now = tag_log.state(place, corpus)
    newest = now.newest(versions) or "none"
    rows: list[list[object]] = [[tag, version] for tag, version in sorted({tag_log.LATEST: newest, **now.tags}.items())]
    print(text.table(["tag", "version"], rows, left=2))
    if now.notices:
        rows = [[version, one.kind, one.reason] for version, one in sorted(now.notices.items())]
        print("\n" + text.table(["version", "notice", "reason"], rows, left=3))
    past = [tag_log.event(place, path) for path in tag_log.events(place, corpus)]
    if past:
        rows = [[one["time"], f"{one['what']} {one.get('tag', '')}".strip(), one.get("before") or "", one["version"] or "–", one["reason"]] for one in past]  # fmt: skip
        print("\n" + text.table(["when", "what", "before", "version", "reason"], rows, left=5))
    return DONE


def note(given: Namespace, store: str) -> int:
    """`errata deprecate`, `errata yank` and `errata restore`."""
    asked = wanted(given.name)
    if asked.exact is None:
        raise ErrataError(f"{given.name}: errata {given.verb} needs one version; write {asked.corpus}@1.2.3")
    tags.note(Store(store), asked.corpus, asked.exact, given.verb, given.reason)
    done = {"deprecate": "is deprecated", "yank": "is withdrawn", "restore": "stands again"}[given.verb]
    print(f"{asked.corpus}@{asked.exact} {done}: {text.plain(given.reason)}")
    return DONE


def sign(given: Namespace, store: str) -> int:
    """`errata sign`."""
    release = errata.open_release(given.name, store)
    place, path = Store(store), folder(*release.name.split("@"))
    made = signature(place.read(f"{path}/manifest.json"), given.key)
    place.write(f"{path}/{SIGNATURE}", made)
    print(f"{release.name} is signed: {place.link(f'{path}/{SIGNATURE}')}")
    return DONE


def gc(given: Namespace, store: str) -> int:
    """`errata gc`."""
    place = Store(store)
    found = garbage.find(place, given.older_than)
    gone = {one.path for one in garbage.remove(place, found)} if given.remove else set()
    rows: list[list[object]] = [[one.path, one.what, one.files, one.size, f"{one.hours:.1f}"] for one in found]
    if rows:
        print(text.table(["garbage", "what it is", "files", "bytes", "hours old"], rows, left=2))
    if given.remove:
        print(f"{len(gone)} removed" if rows else "nothing to remove")
        return DONE if len(gone) == len(found) else FAILED
    print("errata gc --remove removes it" if rows else "no garbage")
    return DONE


def trace(given: Namespace, store: str) -> int:
    """`errata trace`."""
    from flows.publishing import provenance as tracing

    if (given.row is None) == (given.model is None):
        print("errata trace: name a row, or a model with --model", file=sys.stderr)
        return WRONG
    if given.row is not None:
        found = tracing.row(given.name, given.row, store)
        print(json.dumps(found, indent=1, ensure_ascii=False) if given.json else text.plain(tracing.as_text(found)))
    else:
        touched = tracing.touched(given.name, given.model, store)
        print(
            json.dumps(touched, indent=1, ensure_ascii=False)
            if given.json
            else text.plain(tracing.touched_text(touched))
        )
    return DONE


def push(given: Namespace, store: str) -> int:
    """`errata push`."""
    from flows.publishing.push import push as pushed

    print(text.plain(pushed(given.name, given.target, store, private=given.private)))
    return DONE


VERBS: dict[str, Callable[[Namespace, str], int]] = {
    "gates": gates, "release": release, "tag": tag, "deprecate": note, "yank": note, "restore": note, "sign": sign, "gc": gc, "trace": trace,
    "push": push,
}  # fmt: skip
