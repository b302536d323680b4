"""The cluster of all tests on Ray."""

from collections.abc import Iterator

import pytest

from tests.objectstore import KEYS
from tests.ray.cluster import HEAD, PYTHON, Cluster, find_fault, start_cluster

S3_PORT = 9000
ENVIRONMENT = {**KEYS, "AWS_ENDPOINT_URL": f"http://{HEAD}:{S3_PORT}", "ERRATA_VLLM_PYTHON": PYTHON}


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    if fault := find_fault():
        pytest.skip(fault)
    with start_cluster(ENVIRONMENT) as cluster:
        yield cluster
