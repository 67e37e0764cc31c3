"""A worker process that dies of one training, as one that takes all memory is killed."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

DEADLY = "DEADLY_TRAINING"


def main() -> None:
    from scaling.runs import task, worker_process  # noqa: PLC0415

    run_task = task.run_task

    def dying(one: Any, *arguments: Any) -> Any:
        if one.key == os.environ[DEADLY]:
            os.kill(os.getpid(), signal.SIGKILL)
        return run_task(one, *arguments)

    task.run_task = dying
    worker_process.main(sys.argv[1:])


if __name__ == "__main__":
    main()
