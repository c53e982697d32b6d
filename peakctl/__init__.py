"""peakctl: plan and apply Peak AI resources from YAML manifests.

The operations of the command line as functions, see docs/python.md: `from peakctl import Project,
plan, apply`. Each name is imported when it is first used; type checkers read `__init__.pyi`.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_PLACES = {
    "engine.drift": "Drift DriftKind",
    "engine.waiting": "Stop",
    "errors": (
        "ApiError Diagnostic GuardRefused LeaseHeld LedgerUnusable LiveConflict ManifestsInvalid"
        " NotAuthenticated PeakctlError PlanStale SelectorEmpty Severity UsageError"
    ),
    "model": (
        "Action ActionClass BuildLog Event Failure HealthCheck HistoryResource HistoryRun Key"
        " Origin Outcome Plan Status Verb"
    ),
    "operations.apply": (
        "APPROVE_ALL ApplyOptions ApplyResult RunNotice StageStarted apply_async destroy_async"
    ),
    "operations.convert": "ConvertResult convert convert_async",
    "operations.download": "DownloadResult download_async",
    "operations.drift": "DriftResult drift_async",
    "operations.explain": "CodeExplained FieldExplained explain_code explain_field",
    "operations.emails": (
        "Delivery Email EmailResult describe_email_async email_templates_async list_emails_async"
        " send_email_async"
    ),
    "operations.executions": (
        "Execution SwitchResult execution_async executions_async pause_async resume_async"
    ),
    "operations.fmt": "FmtResult fmt",
    "operations.gc": "GcOutcome GcResult gc_async",
    "operations.gc_plan": "GcOptions GcPlan GcResource",
    "operations.get": "GetResult get_async",
    "operations.graph": (
        "GraphEdge GraphNode Impact LiveUse ResourceGraph impact_async resource_graph"
    ),
    "operations.health": "CheckResult check_service_async",
    "operations.history": "history_async",
    "operations.importing": "ImportOptions ImportResult import_async",
    "operations.init": "InitResult init",
    "operations.ledger": (
        "LedgerResult RebuildResult rebuild_ledger_async show_ledger_async unlock_ledger_async"
    ),
    "operations.load": "LoadResult RenderResult load render validate",
    "operations.logs": "LogOptions LogResult LoggedLine build_log_async logs_async",
    "operations.overview": "KindCount Overview overview_async",
    "operations.offline": "OfflineResult plan_offline",
    "operations.ownership": (
        "OwnershipChange OwnershipResult disown_async protect_async unprotect_async"
    ),
    "operations.plan": "PlanOptions PlanResult plan_async",
    "operations.project": "Project",
    "operations.status": "Health ResourceStatus StatusResult status_async",
    "operations.whoami": "Permission WhoamiResult whoami_async",
    "operations.following": "StepState",
    "operations.redeploy": "RedeployResult redeploy_async",
    "operations.run_inputs": "RunOptions",
    "operations.running": "Ended ExecutionResult ExecutionStarted StepChanged run_async",
    "operations.rollback": "RollbackPlan RollbackResult rollback_async",
    "operations.saved_plan": "SavedPlan open_saved_plan read_saved_plan save_plan_async",
    "operations.why": "FieldWhy WhyResult why_async",
    "operations.versions": (
        "PastVersion ResourceHistory VersionDiff diff_versions_async resource_history_async"
    ),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names.split()}
_OF_ASYNC = {
    "import_" if name == "import_async" else name.removesuffix("_async"): name
    for name in _MODULES
    if name.endswith("_async")
}
"""Each operation that waits for the platform is there twice: as a coroutine, and as `as_blocking`
makes a function of it."""
__all__ = ["__version__", *sorted({**_OF_ASYNC, **_MODULES})]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f"peakctl.{_MODULES[name]}"), name)
    if name not in _OF_ASYNC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from peakctl.operations.blocking import as_blocking

    globals()[name] = function = as_blocking(__getattr__(_OF_ASYNC[name]))
    return function


def __dir__() -> list[str]:
    return __all__
