"""The verbs of the `errata` command that the application adds; what they need is imported when one of them runs."""

from flows.cli.browse import BROWSE
from flows.cli.build import BUILD, PLAN
from flows.cli.check import CHECK
from flows.cli.deploy import DEPLOY, SERVE
from flows.cli.evaluate import EVALUATE
from flows.cli.ledger import LEDGER
from flows.cli.publish import PUSH, SIGN, TRACE
from flows.cli.release import GATES, RELEASE
from flows.cli.report import REPORT
from flows.cli.tags import DEPRECATE, RESTORE, TAG, YANK
from flows.cli.tidy import GC

VERBS = (
    BUILD, PLAN, CHECK, GATES, RELEASE, LEDGER, EVALUATE, BROWSE, REPORT, TRACE, PUSH, TAG, DEPRECATE, YANK, RESTORE, SIGN, GC, DEPLOY,
    SERVE,
)  # fmt: skip
