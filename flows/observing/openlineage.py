"""OpenLineage: START, and COMPLETE or FAIL, of every table, sent by the official client to wherever its settings say.

The client is asked for only where the environment speaks of it: OPENLINEAGE_URL
for an HTTP endpoint, or its other settings, such as these for a file:

    OPENLINEAGE__TRANSPORT__TYPE=file
    OPENLINEAGE__TRANSPORT__LOG_FILE_PATH=lineage.jsonl
    OPENLINEAGE__TRANSPORT__APPEND=true
"""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from catalog.storage import Store
from catalog.tables import Manifest, PartitionCommit
from flows.planning.plan import TableJob
from schemas.contract import Contract

PRODUCER = "https://github.com/errata-corpora/errata"
PREFIX = "OPENLINEAGE"


def is_enabled(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment says where events go."""
    off = environment.get(f"{PREFIX}_DISABLED", "").lower() == "true"
    names = (f"{PREFIX}_URL", f"{PREFIX}_CONFIG", f"{PREFIX}__TRANSPORT")
    return not off and any(name.startswith(names) for name in environment)


@dataclass
class Lineage:
    """Tells of the tables of one build; tells nothing where nobody listens."""

    corpus: str
    client: Any = None
    """The official client, or None."""
    runs: dict[str, str] = field(default_factory=dict)
    """The id of each table's run."""

    @staticmethod
    def of(corpus: str) -> Lineage:
        """The lineage of a build of a corpus, with the client that the environment describes."""
        if not is_enabled():
            return Lineage(corpus)
        from openlineage.client import OpenLineageClient

        return Lineage(corpus, OpenLineageClient())

    def begin(self, work: TableJob) -> None:
        """A table's making begins."""
        self.runs[work.name] = str(uuid.uuid4())
        self._emit("START", work, [], {})

    def end(self, work: TableJob, manifest: Manifest) -> None:
        """A table is complete: its columns, its rows, and that it keeps its contract."""
        self._emit("COMPLETE", work, [self._table(work, manifest)], {})

    def fail(self, work: TableJob, error: BaseException) -> None:
        """A table cannot be made."""
        if self.client is None or work.name not in self.runs:
            return
        from openlineage.client.facet_v2 import error_message_run

        facet = error_message_run.ErrorMessageRunFacet(
            message=f"{type(error).__name__}: {error}"[:2_000], programmingLanguage="python"
        )
        self._emit("FAIL", work, [self._dataset(work)], {"errorMessage": facet})

    def _emit(self, kind: str, work: TableJob, outputs: list[Any], facets: dict[str, Any]) -> None:
        if self.client is None:
            return
        from openlineage.client.event_v2 import InputDataset, Job, Run, RunEvent, RunState
        from openlineage.client.facet_v2 import job_type_job

        task = job_type_job.JobTypeJobFacet(processingType="BATCH", integration="ERRATA", jobType=work.task.upper())
        tables = [InputDataset(_locate_store(work), f"tables/{task}-{print_}") for task, print_ in work.inputs]
        files = [InputDataset("file", f"{source.name} {source.digest}") for source in work.sources]
        event = RunEvent(
            eventType=RunState[kind], eventTime=datetime.now(UTC).isoformat(), producer=PRODUCER,
            run=Run(self.runs[work.name], facets), job=Job(self.corpus, work.name, {"jobType": task}),
            inputs=[*files, *tables], outputs=outputs,
        )  # fmt: skip
        try:
            self.client.emit(event)
        except Exception as error:  # whoever listens, a build does not depend on it
            logging.getLogger(__name__).warning("OpenLineage: %s %s was not told: %s", kind, work.name, error)

    def _dataset(self, work: TableJob) -> Any:
        from openlineage.client.event_v2 import OutputDataset

        return OutputDataset(
            _locate_store(work),
            f"tables/{work.task}-{work.fingerprint}",
            facets={"schema": _make_schema(work.contract)},
        )

    def _table(self, work: TableJob, manifest: Manifest) -> Any:
        from openlineage.client.event_v2 import OutputDataset
        from openlineage.client.facet_v2 import data_quality_assertions_dataset as quality
        from openlineage.client.facet_v2 import datasource_dataset as source
        from openlineage.client.facet_v2 import output_statistics_output_dataset as statistics

        receipt = manifest.receipt
        facets = {
            "schema": _make_schema(work.contract),
            "dataSource": source.DatasourceDatasetFacet(name=_locate_store(work), uri=_locate_store(work)),
            "dataQualityAssertions": quality.DataQualityAssertionsDatasetFacet(
                assertions=_make_assertions(work.contract, receipt, quality)
            ),
        }
        rows = statistics.OutputStatisticsOutputDatasetFacet(
            rowCount=receipt.rows_kept(), fileCount=len({part.path for part in receipt.parts})
        )
        return OutputDataset(
            _locate_store(work),
            f"tables/{work.task}-{work.fingerprint}",
            facets=facets,
            outputFacets={"outputStatistics": rows},
        )


def _locate_store(work: TableJob) -> str:
    """The store as a whole URL: others must not need to know where the build ran."""
    return Store(work.store).link("").rstrip("/")


def _make_schema(contract: Contract) -> Any:
    from openlineage.client.facet_v2 import schema_dataset

    fields = [schema_dataset.SchemaDatasetFacetFields(c.name, c.kind, c.meaning) for c in contract.columns]
    return schema_dataset.SchemaDatasetFacet(fields=fields)


def _make_assertions(contract: Contract, receipt: PartitionCommit, quality: Any) -> list[Any]:
    """What a complete table was checked for: it would not be complete otherwise."""
    assertions = [quality.Assertion(assertion="unique", success=True, column=contract.key)]
    assertions += [
        quality.Assertion("not_null", True, column=column.name) for column in contract.columns if not column.nullable
    ]
    limited = [column for column in contract.columns if column.at_least is not None or column.at_most is not None]
    assertions += [quality.Assertion("range", True, column=column.name) for column in limited]
    assertions += [
        quality.Assertion("accepted_values", True, column=column.name) for column in contract.columns if column.one_of
    ]
    counted = f"{receipt.rows_kept()} kept + {receipt.rows_rejected()} rejected"
    return [*assertions, quality.Assertion("row_count", True, expected=f"{receipt.rows_in} in", actual=counted)]
