"""Every request that is not what the platform's own client sends for the same intent, and why.

The contract tests read this table: what is not in it must be equal, and what is in it must happen.
"""

from __future__ import annotations

from peakctl.model.records import dataclass

ABSENT = "(absent)"
DIGEST = "(theirs, then the digest line)"
NO = False
BODY = "(body)"
START_UP = "(start-up call)"


@dataclass(frozen=True, slots=True)
class Difference:
    """One field (dotted) of the requests that match `call`, a pattern.

    `theirs` and `ours` are values (None is also the text `null`), or ABSENT; `ours` may be DIGEST:
    whatever they send, and the digest line below it. Numbers in `reason` are sections of
    docs/platform.md.
    """

    call: str
    field: str
    theirs: object
    ours: object
    reason: str


_IMAGES = "service/image-management/api/v2/images/"
_VERSION = r"service/image-management/api/v2/images/9999/versions(/101)?"
_SPECS = r"press/v1/(blocks|apps)/specs/"
_BLOCKS = r"press/v1/blocks/specs/([^/]+/releases)?"
_APPS = r"press/v1/apps/specs/([^/]+/releases)?"
_WEBAPP = r"service/webapps/api/v1/webapps/[^/]+"

DIFFERENCES = (
    Difference(
        "(GET|DELETE) .*", BODY, {}, ABSENT, "the client's `{}` is an accident of its library (5)"
    ),
    Difference(
        ".*", START_UP, 1, 0, "tenant-metadata is for the logs of spoke tenants alone (1.4)"
    ),
    Difference(
        f"POST {_IMAGES}", "version", ABSENT, "0.0.1", "the number is fixed when planned (3.2)"
    ),
    Difference(
        f"(POST|PATCH) ({_IMAGES}|{_VERSION})",
        "description",
        ABSENT,
        DIGEST,
        "the digest of the files travels with the version",
    ),
    Difference(
        f"(POST|PATCH) ({_IMAGES}|{_VERSION})",
        "buildDetails.dockerfilePath",
        ABSENT,
        "Dockerfile",
        "no source states the default of an upload (5)",
    ),
    Difference(
        f"(POST|PATCH) ({_IMAGES}|{_VERSION})",
        "type",
        ABSENT,
        "workflow",
        "an image has a type; the client's own sample leaves it out",
    ),
    Difference(
        f"POST {_VERSION}", "name", "test-image", ABSENT, "a version has no name of its own (6.4)"
    ),
    Difference(f"POST {_VERSION}", "type", "workflow", ABSENT, "an image's type is fixed (6.4)"),
    Difference(
        f"POST ({_BLOCKS}|{_APPS})",
        "spec.release.notes",
        ABSENT,
        DIGEST,
        "the digest of the files travels with the release",
    ),
    Difference(
        f"POST {_SPECS}", "featured", None, NO, "false is what the text `null` stands for (5)"
    ),
    Difference(f"POST {_BLOCKS}", "autoRunOnDeploy", None, NO, "as for `featured` (5)"),
    Difference(f"POST {_APPS}", "scope", None, ABSENT, "a part that says nothing is left out (5)"),
    Difference(
        f"POST {_APPS}", "parameters", None, ABSENT, "a part that says nothing is left out (5)"
    ),
    Difference(
        "POST service/artifacts/api/v1/artifacts/",
        "description",
        None,
        ABSENT,
        "1.29 sends the text `null`, 1.8 leaves it out (2.1)",
    ),
    Difference(
        f"PATCH {_WEBAPP}", "name", "my-service", ABSENT, "a service cannot be renamed (6.4)"
    ),
    Difference(
        "POST service/webapps/api/v1/webapps/",
        "healthCheckUrl",
        "/",
        ABSENT,
        "a stray key of the client, from two flags with equal values (6.7)",
    ),
    Difference(
        "POST service/webapps/api/v1/webapps/",
        "serviceType",
        ABSENT,
        "web-app",
        "without its type, a service that states little is listed as a webapp (2.3)",
    ),
    Difference(
        "POST service/workflows/api/v1/workflows/",
        "steps.step-2.method",
        ABSENT,
        "post",
        "documented as required; the client's own samples leave it out",
    ),
    Difference(
        "PUT service/workflows/api/v1/workflows/9999",
        "triggers",
        [{"webhook": True}],
        [{"webhook": True, "webhookPolicy": "preserve"}],
        "a live webhook keeps its id (3.7)",
    ),
)
