"""peakctl: plan and apply Peak AI resources from YAML manifests.

The operations of the command line as functions, see docs/python.md: `from peakctl import Project,
plan, apply`. Each name is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from peakctl.engine.drift import Drift as Drift
    from peakctl.engine.drift import DriftKind as DriftKind
    from peakctl.errors import ApiError as ApiError
    from peakctl.errors import Diagnostic as Diagnostic
    from peakctl.errors import GuardRefused as GuardRefused
    from peakctl.errors import LeaseHeld as LeaseHeld
    from peakctl.errors import LedgerUnusable as LedgerUnusable
    from peakctl.errors import LiveConflict as LiveConflict
    from peakctl.errors import ManifestsInvalid as ManifestsInvalid
    from peakctl.errors import NotAuthenticated as NotAuthenticated
    from peakctl.errors import PeakctlError as PeakctlError
    from peakctl.errors import PlanStale as PlanStale
    from peakctl.errors import SelectorEmpty as SelectorEmpty
    from peakctl.errors import Severity as Severity
    from peakctl.errors import UsageError as UsageError
    from peakctl.model import Action as Action
    from peakctl.model import ActionClass as ActionClass
    from peakctl.model import BuildLog as BuildLog
    from peakctl.model import Event as Event
    from peakctl.model import Failure as Failure
    from peakctl.model import HistoryResource as HistoryResource
    from peakctl.model import HistoryRun as HistoryRun
    from peakctl.model import Key as Key
    from peakctl.model import Origin as Origin
    from peakctl.model import Outcome as Outcome
    from peakctl.model import Plan as Plan
    from peakctl.model import Status as Status
    from peakctl.model import Verb as Verb
    from peakctl.operations.apply import APPROVE_ALL as APPROVE_ALL
    from peakctl.operations.apply import ApplyOptions as ApplyOptions
    from peakctl.operations.apply import ApplyResult as ApplyResult
    from peakctl.operations.apply import RunNotice as RunNotice
    from peakctl.operations.apply import StageStarted as StageStarted
    from peakctl.operations.apply import Stop as Stop
    from peakctl.operations.apply import apply_async as apply_async
    from peakctl.operations.apply import destroy_async as destroy_async
    from peakctl.operations.blocking import apply as apply
    from peakctl.operations.blocking import build_log as build_log
    from peakctl.operations.blocking import destroy as destroy
    from peakctl.operations.blocking import drift as drift
    from peakctl.operations.blocking import get as get
    from peakctl.operations.blocking import history as history
    from peakctl.operations.blocking import import_ as import_
    from peakctl.operations.blocking import overview as overview
    from peakctl.operations.blocking import plan as plan
    from peakctl.operations.blocking import rebuild_ledger as rebuild_ledger
    from peakctl.operations.blocking import save_plan as save_plan
    from peakctl.operations.blocking import show_ledger as show_ledger
    from peakctl.operations.blocking import unlock_ledger as unlock_ledger
    from peakctl.operations.convert import ConvertResult as ConvertResult
    from peakctl.operations.convert import convert as convert
    from peakctl.operations.convert import convert_async as convert_async
    from peakctl.operations.drift import DriftResult as DriftResult
    from peakctl.operations.drift import drift_async as drift_async
    from peakctl.operations.fmt import FmtResult as FmtResult
    from peakctl.operations.fmt import fmt as fmt
    from peakctl.operations.get import GetResult as GetResult
    from peakctl.operations.get import get_async as get_async
    from peakctl.operations.history import history_async as history_async
    from peakctl.operations.importing import ImportOptions as ImportOptions
    from peakctl.operations.importing import ImportResult as ImportResult
    from peakctl.operations.importing import import_async as import_async
    from peakctl.operations.init import InitResult as InitResult
    from peakctl.operations.init import init as init
    from peakctl.operations.ledger import LedgerResult as LedgerResult
    from peakctl.operations.ledger import RebuildResult as RebuildResult
    from peakctl.operations.ledger import rebuild_ledger_async as rebuild_ledger_async
    from peakctl.operations.ledger import show_ledger_async as show_ledger_async
    from peakctl.operations.ledger import unlock_ledger_async as unlock_ledger_async
    from peakctl.operations.load import LoadResult as LoadResult
    from peakctl.operations.load import RenderResult as RenderResult
    from peakctl.operations.load import load as load
    from peakctl.operations.load import render as render
    from peakctl.operations.load import validate as validate
    from peakctl.operations.logs import build_log_async as build_log_async
    from peakctl.operations.overview import KindCount as KindCount
    from peakctl.operations.overview import Overview as Overview
    from peakctl.operations.overview import overview_async as overview_async
    from peakctl.operations.plan import PlanOptions as PlanOptions
    from peakctl.operations.plan import PlanResult as PlanResult
    from peakctl.operations.plan import plan_async as plan_async
    from peakctl.operations.project import Project as Project
    from peakctl.operations.saved_plan import SavedPlan as SavedPlan
    from peakctl.operations.saved_plan import open_saved_plan as open_saved_plan
    from peakctl.operations.saved_plan import read_saved_plan as read_saved_plan
    from peakctl.operations.saved_plan import save_plan_async as save_plan_async

__version__ = "0.1.0"

_PLACES = {
    "engine.drift": "Drift DriftKind",
    "errors": (
        "ApiError Diagnostic GuardRefused LeaseHeld LedgerUnusable LiveConflict ManifestsInvalid"
        " NotAuthenticated PeakctlError PlanStale SelectorEmpty Severity UsageError"
    ),
    "model": (
        "Action ActionClass BuildLog Event Failure HistoryResource HistoryRun Key Origin Outcome"
        " Plan Status Verb"
    ),
    "operations.apply": (
        "APPROVE_ALL ApplyOptions ApplyResult RunNotice StageStarted Stop apply_async destroy_async"
    ),
    "operations.blocking": (
        "apply build_log destroy drift get history import_ overview plan rebuild_ledger save_plan"
        " show_ledger"
        " unlock_ledger"
    ),
    "operations.convert": "ConvertResult convert convert_async",
    "operations.drift": "DriftResult drift_async",
    "operations.fmt": "FmtResult fmt",
    "operations.get": "GetResult get_async",
    "operations.history": "history_async",
    "operations.importing": "ImportOptions ImportResult import_async",
    "operations.init": "InitResult init",
    "operations.ledger": (
        "LedgerResult RebuildResult rebuild_ledger_async show_ledger_async unlock_ledger_async"
    ),
    "operations.load": "LoadResult RenderResult load render validate",
    "operations.logs": "build_log_async",
    "operations.overview": "KindCount Overview overview_async",
    "operations.plan": "PlanOptions PlanResult plan_async",
    "operations.project": "Project",
    "operations.saved_plan": "SavedPlan open_saved_plan read_saved_plan save_plan_async",
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names.split()}
__all__ = ["__version__", *sorted(_MODULES)]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"peakctl.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
