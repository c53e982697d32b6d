"""The operations for callers without an event loop, and for those inside of one (notebooks)."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable, Coroutine
from typing import Generic, ParamSpec, TypeVar

from peakctl.operations.apply import apply_async, destroy_async
from peakctl.operations.download import download_async
from peakctl.operations.drift import drift_async
from peakctl.operations.emails import (
    describe_email_async,
    email_templates_async,
    list_emails_async,
    send_email_async,
)
from peakctl.operations.executions import (
    execution_async,
    executions_async,
    pause_async,
    resume_async,
)
from peakctl.operations.gc import gc_async
from peakctl.operations.get import get_async
from peakctl.operations.graph import impact_async
from peakctl.operations.health import check_service_async
from peakctl.operations.history import history_async
from peakctl.operations.importing import import_async
from peakctl.operations.ledger import rebuild_ledger_async, show_ledger_async, unlock_ledger_async
from peakctl.operations.logs import build_log_async, logs_async
from peakctl.operations.overview import overview_async
from peakctl.operations.ownership import disown_async, protect_async, unprotect_async
from peakctl.operations.plan import plan_async
from peakctl.operations.redeploy import redeploy_async
from peakctl.operations.rollback import rollback_async
from peakctl.operations.running import run_async
from peakctl.operations.saved_plan import save_plan_async
from peakctl.operations.status import status_async
from peakctl.operations.versions import diff_versions_async, resource_history_async
from peakctl.operations.whoami import whoami_async
from peakctl.operations.why import why_async

P = ParamSpec("P")
T = TypeVar("T")


def run_blocking(work: Coroutine[object, object, T]) -> T:
    """The result of `work`, from a loop of its own.

    Where a loop runs in this thread already, that is in a thread of its own. Ctrl-C cancels the
    work, and is raised once it has ended.
    """
    return _Worker(work).result() if _in_loop() else asyncio.run(work)


def _in_loop() -> bool:
    """Whether an event loop runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class _Worker(Generic[T]):
    """A thread with a loop that runs one coroutine."""

    def __init__(self, work: Coroutine[object, object, T]) -> None:
        self._loop = asyncio.new_event_loop()
        self._task = self._loop.create_task(work)
        self._thread = threading.Thread(target=self._run, name="peakctl")

    def result(self) -> T:
        self._thread.start()
        try:
            self._thread.join()
        except KeyboardInterrupt:
            self._loop.call_soon_threadsafe(self._task.cancel)
            self._thread.join()
            raise
        return self._task.result()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(asyncio.wait([self._task]))


def _blocking(operation: Callable[P, Coroutine[object, object, T]]) -> Callable[P, T]:
    """`operation` as a function that returns when it is done."""

    @functools.wraps(operation)
    def run(*args: P.args, **named: P.kwargs) -> T:
        return run_blocking(operation(*args, **named))

    run.__name__ = run.__qualname__ = operation.__name__.removesuffix("_async")
    del run.__wrapped__  # else it passes for a coroutine function
    return run


overview = _blocking(overview_async)
plan = _blocking(plan_async)
save_plan = _blocking(save_plan_async)
apply = _blocking(apply_async)
destroy = _blocking(destroy_async)
download = _blocking(download_async)
drift = _blocking(drift_async)
status = _blocking(status_async)
whoami = _blocking(whoami_async)
gc = _blocking(gc_async)
get = _blocking(get_async)
build_log = _blocking(build_log_async)
logs = _blocking(logs_async)
run = _blocking(run_async)
redeploy = _blocking(redeploy_async)
check_service = _blocking(check_service_async)
executions = _blocking(executions_async)
execution = _blocking(execution_async)
pause = _blocking(pause_async)
resume = _blocking(resume_async)
history = _blocking(history_async)
impact = _blocking(impact_async)
import_ = _blocking(import_async)
show_ledger = _blocking(show_ledger_async)
unlock_ledger = _blocking(unlock_ledger_async)
rebuild_ledger = _blocking(rebuild_ledger_async)
diff_versions = _blocking(diff_versions_async)
resource_history = _blocking(resource_history_async)
disown = _blocking(disown_async)
protect = _blocking(protect_async)
unprotect = _blocking(unprotect_async)
send_email = _blocking(send_email_async)
list_emails = _blocking(list_emails_async)
describe_email = _blocking(describe_email_async)
email_templates = _blocking(email_templates_async)
rollback = _blocking(rollback_async)
why = _blocking(why_async)
