"""`errata deploy` and `errata serve`: deployments for workers of a pool, or run by this process without one."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from argparse import Namespace
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from errata.cli import text
from errata.cli.exit_codes import DONE, FAILED
from prefect import serve as prefect_serve
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolCreate
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.deployments.runner import RunnerDeployment
from prefect.settings import PREFECT_API_URL, get_current_settings, temporary_settings
from prefect.workers.process import ProcessWorker

from flows.deploying.checks import advise_name
from flows.deploying.server import OwnServer, ServerError
from flows.deploying.spec import FILE, ROOT, Deployment, Deployments, read_deployments
from schemas.recipe.document import RecipeError
from tasks.orphans import mark_owner


def deploy(options: Namespace) -> int:
    """`errata deploy`: make deployments, and the pools that are not there."""
    deployments = read_deployments(options.file or str(FILE))
    chosen = deployments.chosen(options.names)
    url = _find_server()
    created = _create_pools(deployments, chosen, url)
    names = [part for deployment in chosen for part in ("--name", deployment.full_name)]
    command = [
        sys.executable,
        "-m",
        "prefect",
        "--no-prompt",
        "deploy",
        "--prefect-file",
        str(Path(deployments.file).resolve()),
    ]
    ran = subprocess.run([*command, *names], cwd=ROOT, capture_output=True, text=True, check=False)
    if ran.returncode:
        print(
            text.strip_controls(
                f"{deployments.file}: Prefect could not make the deployments:\n{ran.stdout}{ran.stderr}"
            ),
            file=sys.stderr,
        )
        return FAILED
    _resume(chosen)
    rows: list[list[object]] = [
        [deployment.full_name, deployment.pool, "; ".join(deployment.shown) or "when it is asked for"]
        for deployment in chosen
    ]
    print(text.format_table(["deployment", "pool", "schedule"], rows, left=3))
    print(f"\n{''.join(f'made work pool {name}{chr(10)}' for name in created)}deployed to {url}; workers run them:")
    print(
        "\n".join(
            f"  prefect worker start --pool {pool}" for pool in sorted({deployment.pool for deployment in chosen})
        )
    )
    return DONE


def _resume(chosen: list[Deployment]) -> None:
    """Let schedules begin again that `errata serve` had paused when it ended, but for those that the file pauses."""
    with get_client(sync_client=True) as client:
        for deployment in chosen:
            if not deployment.declared.get("paused"):
                client.resume_deployment(client.read_deployment_by_name(deployment.full_name).id)


def _find_server() -> str:
    """The URL of the server that is configured; `ServerError` where none is, or it does not answer."""
    url = PREFECT_API_URL.value()
    if not url:
        raise ServerError(
            f"no Prefect server is configured; start one (make server) and set PREFECT_API_URL, e.g. to {_own()}"
        )
    if not _answers(str(url)):
        raise ServerError(
            f"{url}: no Prefect server answers there; start one (make server), or correct PREFECT_API_URL"
        )
    return str(url)


def _own() -> str:
    """Where `errata serve` starts a server if it is given none."""
    return f"http://127.0.0.1:{get_current_settings().server.api.port}/api"


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5):  # noqa: S310  # what PREFECT_API_URL names
            return True
    except (OSError, ValueError):
        return False


def _create_pools(deployments: Deployments, chosen: list[Deployment], url: str) -> list[str]:
    """Make the pools that are declared and not there; their names."""
    document = deployments.document
    created = []
    with get_client(sync_client=True) as client:
        existing = [pool.name for pool in client.read_work_pools()]
        unknown = [
            deployment
            for deployment in chosen
            if deployment.pool not in existing and deployment.pool not in deployments.pools
        ]
        if unknown:
            place = {entry["name"]: i for i, entry in enumerate(document.value["deployments"])}
            known = [*existing, *deployments.pools]
            raise RecipeError(
                [
                    document.fault(
                        ("deployments", place[deployment.name], "work_pool", "name"),
                        f"no work pool '{deployment.pool}' on {url}, nor under definitions.work_pools; {advise_name(deployment.pool, known)}",
                    )
                    for deployment in unknown
                ]
            )
        for name in sorted({deployment.pool for deployment in chosen} - set(existing)):
            declared = deployments.pools[name]
            template = ProcessWorker.get_default_base_job_template()
            pool = WorkPoolCreate(name=name, type=declared.get("type", "process"), base_job_template=template, concurrency_limit=declared.get("concurrency_limit"))  # fmt: skip
            client.create_work_pool(pool)
            created.append(name)
    return created


def serve(options: Namespace) -> int:
    """`errata serve`: run deployments in this process, by their schedules and when they are asked for, until it is ended."""
    deployments = read_deployments(options.file or str(FILE))
    chosen = deployments.chosen(options.names)
    deployments.refuse_unserved(chosen)
    for name, value in (("ERRATA_STORE", options.store), ("ERRATA_DATA", options.data)):
        if value:
            os.environ[name] = value if "://" in value else str(Path(value).resolve())
    os.chdir(ROOT)  # entrypoints and recipes are named from there
    with _guard_runs(), _open_server() as url:
        rows: list[list[object]] = [
            [deployment.full_name, "; ".join(deployment.shown) or "when it is asked for"] for deployment in chosen
        ]
        print(text.format_table(["deployment", "schedule"], rows, left=2))
        print(f"\nserved until Ctrl-C; Prefect's pages: {url.removesuffix('/api')}", flush=True)
        prefect_serve(
            *(_make_runner(deployment) for deployment in chosen), limit=options.limit, print_starting_message=False
        )
    return DONE


def _make_runner(deployment: Deployment) -> RunnerDeployment:
    """A deployment for this process that means what `prefect deploy` would make of it."""
    declared = deployment.declared
    limit = declared.get("concurrency_limit")
    runner = deployment.flow.to_deployment(
        deployment.name, schedules=[DeploymentScheduleCreate(**schedule) for schedule in deployment.schedules], paused=declared.get("paused") or False,
        parameters=declared.get("parameters"), description=declared.get("description"), tags=declared.get("tags"),
        version=declared.get("version"), enforce_parameter_schema=declared.get("enforce_parameter_schema", True),
        concurrency_limit=ConcurrencyLimitConfig(**limit) if isinstance(limit, dict) else limit,
    )  # fmt: skip
    assert isinstance(runner, RunnerDeployment)
    return runner


@contextmanager
def _open_server() -> Iterator[str]:
    """The server that is configured; else the one on this machine, which is started if it is not there."""
    if PREFECT_API_URL.value():
        yield _find_server()
        return
    own = os.environ["PREFECT_API_URL"] = _own()
    with temporary_settings({PREFECT_API_URL: own}):
        if _answers(own):
            yield own
            return
        with closing(OwnServer(get_current_settings().server.api.port, {})) as server:
            server.wait()
            yield own


@contextmanager
def _guard_runs() -> Iterator[None]:
    """Have what is started meanwhile ended when this process is gone, however it ended: Prefect starts a process for each run."""
    command = [sys.executable, "-S", str(Path(__file__).with_name("guard.py"))]
    nowhere = subprocess.DEVNULL
    guard = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=nowhere, stderr=nowhere, start_new_session=True)
    assert guard.stdin is not None
    os.environ.update(mark_owner({}))
    with guard.stdin:  # closed it looks once more, and ends
        yield
