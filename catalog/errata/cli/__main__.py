"""`python -m errata.cli`."""

import sys

from .command import main

sys.exit(main())
