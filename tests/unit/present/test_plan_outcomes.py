"""How an apply ended, for people."""

from __future__ import annotations

from peakctl.model import Action, Failure, Key, Outcome, PartState, Plan, Secret, Status, Step, Verb
from peakctl.present.outcome_text import outcome_lines
from peakctl.present.text import to_plain

IMAGE, SERVICE = Key("Image", "serve"), Key("Service", "api")
PLAN = Plan(
    (
        Action(IMAGE, Verb.BUILD, (Step.CREATE_VERSION,), version="0.0.2"),
        Action(SERVICE, Verb.EDIT, (Step.UPDATE,), after=frozenset({IMAGE})),
    )
)


def told(*outcomes: Outcome, stopped: str = "") -> str:
    again = "peakctl apply -e dev"
    return to_plain(outcome_lines(PLAN, outcomes, 12.34, again, stopped=stopped))


def test_success_is_one_line() -> None:
    text = told(Outcome(IMAGE, Verb.BUILD, Status.DONE), Outcome(SERVICE, Verb.EDIT, Status.DONE))
    assert text == "Applied: 1 built, 1 edited in 12.3s.\n"


def test_failures_come_with_their_log_their_followers_and_the_next_step() -> None:
    log = Failure(log=("Step 3/5", "\x1b[31mboom"), log_of="build 7")
    failed = Outcome(IMAGE, Verb.BUILD, Status.FAILED, 11.0, "the build failed", failure=log)
    blocked = Outcome(SERVICE, Verb.EDIT, Status.BLOCKED, cause=IMAGE)
    assert told(failed, blocked) == (
        "failed  Image/serve  build 0.0.2: the build failed  after 11.0s\n"
        "    end of the log of build 7:\n"
        "      Step 3/5\n"
        "      boom\n"
        "blocked by Image/serve: Service/api\n"
        "\n"
        "Failed: 1 failed, 1 blocked.\n"
        "next: correct what failed and run again; what is done stays done: peakctl apply -e dev\n"
        "Applied: nothing in 12.3s.\n"
    )


def test_a_failure_shows_its_parts_those_that_failed_first() -> None:
    parts = (
        PartState("block long-name", "deployed"),
        PartState("block b", "failed", failed=True),
        PartState("image c", ""),
    )
    failure = Failure("revision 3", parts=parts)
    text = told(
        Outcome(SERVICE, Verb.EDIT, Status.FAILED, message="it failed", id="x", failure=failure)
    )
    assert text.startswith(
        "failed  Service/api  edit: it failed\n"
        "    revision 3\n"
        "    block b          failed\n"
        "    block long-name  deployed\n"
        "    image c          its state is not known\n"
    )


def test_a_failure_without_a_reason_says_so_and_where_to_look() -> None:
    def rows(failure: Failure, id_: str | None = "x") -> str:
        failed = Outcome(SERVICE, Verb.EDIT, Status.FAILED, message="bad", id=id_, failure=failure)
        return told(failed).partition("\n\n")[0]

    assert rows(Failure("revision 3")).endswith(
        "    revision 3; the platform gives no reason and no log; look there at id x"
    )
    assert rows(Failure(), None).endswith("\n    the platform gives no reason and no log")
    assert rows(Failure(reason="no room")) == "failed  Service/api  edit: bad"


def test_a_root_cause_is_named_once_for_all_that_it_blocks() -> None:
    failed = Outcome(IMAGE, Verb.BUILD, Status.FAILED, message="the build failed")
    others = [Key("Service", name) for name in ("a", "b", "c")]
    text = told(failed, *(Outcome(k, Verb.EDIT, Status.BLOCKED, cause=IMAGE) for k in others))
    assert text.count("Image/serve") == 2
    assert "blocked by Image/serve: Service/a, Service/b, Service/c\n" in text


def test_deletes_that_were_not_started_say_after_what() -> None:
    failed = "Image/serve failed"
    text = told(
        Outcome(SERVICE, Verb.DELETE, Status.BLOCKED, message=failed, cause=IMAGE),
        Outcome(Key("Service", "old"), Verb.DELETE, Status.BLOCKED, message=failed, cause=IMAGE),
    )
    assert text.startswith(
        "not deleted, since Image/serve failed: Service/api, Service/old\n"
        "\n"
        "Not finished: 2 blocked.\n"
    )


def test_what_blocks_without_a_name_is_told_without_one() -> None:
    text = told(Outcome(SERVICE, Verb.EDIT, Status.BLOCKED))
    assert text.startswith("blocked: Service/api\n")
    text = told(Outcome(SERVICE, Verb.DELETE, Status.BLOCKED))
    assert text.startswith("not deleted: Service/api\n")


def test_what_goes_on_at_the_platform_is_said() -> None:
    outcomes = (
        Outcome(IMAGE, Verb.BUILD, Status.IN_PROGRESS, message="building"),
        Outcome(SERVICE, Verb.EDIT, Status.CANCELLED, message="stopped before its turn"),
    )
    text = told(*outcomes, stopped="interrupted")
    assert text.startswith(
        "still in progress  Image/serve  build 0.0.2: building\n"
        "cancelled, not started: Service/api\n"
        "\n"
        "Interrupted: 1 still in progress, 1 cancelled.\n"
    )
    assert "\nNot finished: 1 still in progress, 1 cancelled.\n" in told(*outcomes)
    assert "next: run again to go on: peakctl apply -e dev\n" in text


def test_doubt_is_resolved_by_the_next_run() -> None:
    text = told(Outcome(IMAGE, Verb.BUILD, Status.UNKNOWN, message="no answer"))
    assert "next: run again; it looks first whether the platform acted: " in text


def test_what_ended_with_a_warning_is_told_and_is_done() -> None:
    failure = Failure("revision 2", "a part is slow")
    ended = Outcome(
        SERVICE,
        Verb.EDIT,
        Status.DONE,
        message="it ended as warning: a part is slow",
        failure=failure,
    )
    text = told(ended)
    assert text.startswith(
        "warning  Service/api  edit: it ended as warning: a part is slow\n    revision 2\n\nApplied"
    )


def test_outputs_stand_before_the_rest_one_a_line() -> None:
    text = told(
        Outcome(IMAGE, Verb.BUILD, Status.FAILED, message="the build failed"),
        Outcome(SERVICE, Verb.EDIT, Status.DONE, outputs={"address": "https://api.example.com"}),
        Outcome(
            Key("Workflow", "nightly"),
            Verb.EDIT,
            Status.DONE,
            outputs={"webhooks": ["id-1", Secret("https://hooks.example.com/2")]},
        ),
    )
    assert text.startswith(
        "Outputs:\n"
        "  Service/api       address   https://api.example.com\n"
        "  Workflow/nightly  webhooks  id-1\n"
        "  Workflow/nightly  webhooks  (an address that is a credential;"
        " --show-webhooks shows it)\n"
        "\n"
        "failed  Image/serve"
    )
