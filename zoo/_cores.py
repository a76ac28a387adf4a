"""How many of the machine's cores this process may use."""

from __future__ import annotations

import os
from collections.abc import Mapping

VARIABLE = "ZOO_CORES"
# What the libraries below read when they start.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def cores() -> int:
    """Those that the environment variable ZOO_CORES allows, or else those that the operating system does."""
    allowed = os.environ.get(VARIABLE, "")
    if allowed.isdecimal() and int(allowed):
        return int(allowed)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads(environment: Mapping[str, str], count: int = 1) -> dict[str, str]:
    """The environment in which one operation uses `count` threads; what the user has set stays.

    Weights are the same bits only for the same number: XLA compiles other code for another.
    """
    flags = environment.get("XLA_FLAGS", "")
    flags += " --xla_cpu_multi_thread_eigen=false" * (count == 1 and "multi_thread_eigen" not in flags)
    return dict.fromkeys(THREADS, str(count)) | dict(environment) | {"XLA_FLAGS": flags.strip()}


def limited(environment: Mapping[str, str], count: int) -> dict[str, str]:
    """The environment of a process that shall use `count` cores in all."""
    return threads(environment, count) | {VARIABLE: str(count)}
