"""``python -m trainer``: the same as ``stimg-train``."""

import sys

from trainer.cli import main

sys.exit(main())
