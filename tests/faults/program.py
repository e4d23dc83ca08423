"""What runs in place of `./parvis` in the cluster of the faults program: the same, with an effect that can be counted.

FAULTS_VARIANT names a broken way of doing jobs, to see that the checker notices.
"""

from __future__ import annotations

import os
import sys

from commands.__main__ import main
from engine.core import jobs
from tests.faults import broken, effects

effects.install()
if variant := os.environ.get("FAULTS_VARIANT"):
    jobs.do_due = broken.in_the_way_of(broken.VARIANTS[variant])

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
