"""What `from peakctl import ...` gives, for type checkers."""

from peakctl.engine.drift import Drift as Drift
from peakctl.engine.drift import DriftKind as DriftKind
from peakctl.engine.waiting import Stop as Stop
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
from peakctl.model import HealthCheck as HealthCheck
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
from peakctl.operations.apply import apply_async as apply_async
from peakctl.operations.apply import destroy_async as destroy_async
from peakctl.operations.blocking import as_blocking
from peakctl.operations.convert import ConvertResult as ConvertResult
from peakctl.operations.convert import convert as convert
from peakctl.operations.convert import convert_async as convert_async
from peakctl.operations.download import DownloadResult as DownloadResult
from peakctl.operations.download import download_async as download_async
from peakctl.operations.drift import DriftResult as DriftResult
from peakctl.operations.drift import drift_async as drift_async
from peakctl.operations.emails import Delivery as Delivery
from peakctl.operations.emails import Email as Email
from peakctl.operations.emails import EmailResult as EmailResult
from peakctl.operations.emails import describe_email_async as describe_email_async
from peakctl.operations.emails import email_templates_async as email_templates_async
from peakctl.operations.emails import list_emails_async as list_emails_async
from peakctl.operations.emails import send_email_async as send_email_async
from peakctl.operations.executions import Execution as Execution
from peakctl.operations.executions import SwitchResult as SwitchResult
from peakctl.operations.executions import execution_async as execution_async
from peakctl.operations.executions import executions_async as executions_async
from peakctl.operations.executions import pause_async as pause_async
from peakctl.operations.executions import resume_async as resume_async
from peakctl.operations.explain import CodeExplained as CodeExplained
from peakctl.operations.explain import FieldExplained as FieldExplained
from peakctl.operations.explain import explain_code as explain_code
from peakctl.operations.explain import explain_field as explain_field
from peakctl.operations.fmt import FmtResult as FmtResult
from peakctl.operations.fmt import fmt as fmt
from peakctl.operations.following import StepState as StepState
from peakctl.operations.gc import GcOutcome as GcOutcome
from peakctl.operations.gc import GcResult as GcResult
from peakctl.operations.gc import gc_async as gc_async
from peakctl.operations.gc_plan import GcOptions as GcOptions
from peakctl.operations.gc_plan import GcPlan as GcPlan
from peakctl.operations.gc_plan import GcResource as GcResource
from peakctl.operations.get import GetResult as GetResult
from peakctl.operations.get import get_async as get_async
from peakctl.operations.graph import GraphEdge as GraphEdge
from peakctl.operations.graph import GraphNode as GraphNode
from peakctl.operations.graph import Impact as Impact
from peakctl.operations.graph import LiveUse as LiveUse
from peakctl.operations.graph import ResourceGraph as ResourceGraph
from peakctl.operations.graph import impact_async as impact_async
from peakctl.operations.graph import resource_graph as resource_graph
from peakctl.operations.health import CheckResult as CheckResult
from peakctl.operations.health import check_service_async as check_service_async
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
from peakctl.operations.logs import LoggedLine as LoggedLine
from peakctl.operations.logs import LogOptions as LogOptions
from peakctl.operations.logs import LogResult as LogResult
from peakctl.operations.logs import build_log_async as build_log_async
from peakctl.operations.logs import logs_async as logs_async
from peakctl.operations.offline import OfflineResult as OfflineResult
from peakctl.operations.offline import plan_offline as plan_offline
from peakctl.operations.overview import KindCount as KindCount
from peakctl.operations.overview import Overview as Overview
from peakctl.operations.overview import overview_async as overview_async
from peakctl.operations.ownership import OwnershipChange as OwnershipChange
from peakctl.operations.ownership import OwnershipResult as OwnershipResult
from peakctl.operations.ownership import disown_async as disown_async
from peakctl.operations.ownership import protect_async as protect_async
from peakctl.operations.ownership import unprotect_async as unprotect_async
from peakctl.operations.plan import PlanOptions as PlanOptions
from peakctl.operations.plan import PlanResult as PlanResult
from peakctl.operations.plan import plan_async as plan_async
from peakctl.operations.project import Project as Project
from peakctl.operations.redeploy import RedeployResult as RedeployResult
from peakctl.operations.redeploy import redeploy_async as redeploy_async
from peakctl.operations.rollback import RollbackPlan as RollbackPlan
from peakctl.operations.rollback import RollbackResult as RollbackResult
from peakctl.operations.rollback import rollback_async as rollback_async
from peakctl.operations.run_inputs import RunOptions as RunOptions
from peakctl.operations.running import Ended as Ended
from peakctl.operations.running import ExecutionResult as ExecutionResult
from peakctl.operations.running import ExecutionStarted as ExecutionStarted
from peakctl.operations.running import StepChanged as StepChanged
from peakctl.operations.running import run_async as run_async
from peakctl.operations.saved_plan import SavedPlan as SavedPlan
from peakctl.operations.saved_plan import open_saved_plan as open_saved_plan
from peakctl.operations.saved_plan import read_saved_plan as read_saved_plan
from peakctl.operations.saved_plan import save_plan_async as save_plan_async
from peakctl.operations.status import Health as Health
from peakctl.operations.status import ResourceStatus as ResourceStatus
from peakctl.operations.status import StatusResult as StatusResult
from peakctl.operations.status import status_async as status_async
from peakctl.operations.versions import PastVersion as PastVersion
from peakctl.operations.versions import ResourceHistory as ResourceHistory
from peakctl.operations.versions import VersionDiff as VersionDiff
from peakctl.operations.versions import diff_versions_async as diff_versions_async
from peakctl.operations.versions import resource_history_async as resource_history_async
from peakctl.operations.whoami import Permission as Permission
from peakctl.operations.whoami import WhoamiResult as WhoamiResult
from peakctl.operations.whoami import whoami_async as whoami_async
from peakctl.operations.why import FieldWhy as FieldWhy
from peakctl.operations.why import WhyResult as WhyResult
from peakctl.operations.why import why_async as why_async

__version__: str
__all__: list[str]

def __dir__() -> list[str]: ...

apply = as_blocking(apply_async)
build_log = as_blocking(build_log_async)
check_service = as_blocking(check_service_async)
describe_email = as_blocking(describe_email_async)
destroy = as_blocking(destroy_async)
diff_versions = as_blocking(diff_versions_async)
disown = as_blocking(disown_async)
download = as_blocking(download_async)
drift = as_blocking(drift_async)
email_templates = as_blocking(email_templates_async)
execution = as_blocking(execution_async)
executions = as_blocking(executions_async)
gc = as_blocking(gc_async)
get = as_blocking(get_async)
history = as_blocking(history_async)
impact = as_blocking(impact_async)
import_ = as_blocking(import_async)
list_emails = as_blocking(list_emails_async)
logs = as_blocking(logs_async)
overview = as_blocking(overview_async)
pause = as_blocking(pause_async)
plan = as_blocking(plan_async)
protect = as_blocking(protect_async)
rebuild_ledger = as_blocking(rebuild_ledger_async)
redeploy = as_blocking(redeploy_async)
resource_history = as_blocking(resource_history_async)
resume = as_blocking(resume_async)
rollback = as_blocking(rollback_async)
run = as_blocking(run_async)
save_plan = as_blocking(save_plan_async)
send_email = as_blocking(send_email_async)
show_ledger = as_blocking(show_ledger_async)
status = as_blocking(status_async)
unlock_ledger = as_blocking(unlock_ledger_async)
unprotect = as_blocking(unprotect_async)
whoami = as_blocking(whoami_async)
why = as_blocking(why_async)
