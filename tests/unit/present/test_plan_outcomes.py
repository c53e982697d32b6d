"""How an apply ended, for people."""

from __future__ import annotations

from peakctl.model import Action, Key, Outcome, Plan, Status, Step, Verb
from peakctl.present.plan_text import outcome_lines
from peakctl.present.text import to_plain

IMAGE, SERVICE = Key("Image", "serve"), Key("Service", "api")
PLAN = Plan(
    (
        Action(IMAGE, Verb.BUILD, (Step.CREATE_VERSION,)),
        Action(SERVICE, Verb.EDIT, (Step.UPDATE,), after=frozenset({IMAGE})),
    )
)


def told(*outcomes: Outcome) -> str:
    return to_plain(outcome_lines(PLAN, outcomes, 12.34, "peakctl apply -e dev"))


def test_success_is_one_line() -> None:
    text = told(Outcome(IMAGE, Verb.BUILD, Status.DONE), Outcome(SERVICE, Verb.EDIT, Status.DONE))
    assert text == (
        "Applied: 0 create, 1 build, 0 release, 0 revise, 1 edit, 0 redeploy, 0 delete,"
        " 0 unchanged in 12.3s.\n"
    )


def test_failures_come_with_their_log_their_followers_and_the_next_step() -> None:
    failed = Outcome(
        IMAGE, Verb.BUILD, Status.FAILED, 11.0, "the build failed", ("Step 3/5", "\x1b[31mboom")
    )
    blocked = Outcome(SERVICE, Verb.EDIT, Status.BLOCKED, cause=IMAGE)
    assert told(failed, blocked) == (
        "failed  Image/serve  build: the build failed  after 11.0s\n"
        "    Step 3/5\n"
        "    boom\n"
        "blocked  Service/api  edit: failed dependency Image/serve\n"
        "\n"
        "Failed: 1 failed, 1 blocked, 0 unknown, 0 cancelled.\n"
        "next: correct what failed and run again; what is done stays done: peakctl apply -e dev\n"
        "Applied: 0 create, 0 build, 0 release, 0 revise, 0 edit, 0 redeploy, 0 delete,"
        " 0 unchanged in 12.3s.\n"
    )


def test_a_delete_that_was_not_started_says_after_what() -> None:
    text = told(Outcome(SERVICE, Verb.DELETE, Status.BLOCKED, cause=IMAGE))
    assert text.startswith("blocked  Service/api  delete: not after Image/serve went wrong\n")


def test_what_goes_on_at_the_platform_is_said() -> None:
    text = told(
        Outcome(IMAGE, Verb.BUILD, Status.IN_PROGRESS, message="building"),
        Outcome(SERVICE, Verb.EDIT, Status.CANCELLED, message="interrupted before it started"),
    )
    assert "Still in progress on the platform: 1.\n" in text
    assert "next: run again to go on: peakctl apply -e dev\n" in text


def test_doubt_is_resolved_by_the_next_run() -> None:
    text = told(Outcome(IMAGE, Verb.BUILD, Status.UNKNOWN, message="no answer"))
    assert "next: run again; it looks first whether the platform acted: " in text
