"""The order of work: whatever fails and wherever it crashes, each event is in the ledger once or was denied, and chains hold."""

from collections import Counter

import pytest
from bridge_doubles import Crash, World, run, scripted
from hypothesis import given, settings
from hypothesis import strategies as st
from overseas_lab import policy, progress

from schemas.codec import encode
from schemas.events.export_stop import ExportStop
from schemas.events.outbound_event import OutboundEvent
from schemas.metric import EventClass
from services.bridge.customer_api import Unavailable


def events(customer: str, count: int) -> list[OutboundEvent]:
    """That many events of one order."""
    return [progress(customer, f"{customer}-order", n) for n in range(1, count + 1)]


def world(*outbound: OutboundEvent, permitted: tuple[str, ...] = ("acme",)) -> World:
    """A world with policies and outbound events."""
    made = World(outbound=list(outbound))
    for customer in permitted:
        made.permit(policy(customer))
    return made


def revisions(made: World, customer: str = "acme") -> list[int]:
    """What the ledger of a customer says, in order."""
    made.check()
    return [e["payload"]["revision"] for e in made.ledger.get(customer, [])]


def test_everything_permitted_arrives_in_order_and_is_committed() -> None:
    made = world(*events("acme", 45), *events("globex", 5))
    run(made)
    assert revisions(made) == list(range(1, 46))
    assert revisions(made, "globex") == []
    assert made.committed == 50
    assert made.ended == {EventClass.DELIVERED: 45, EventClass.DENIED: 5}
    assert len(made.audit) == 50


def test_the_switch_for_all_keeps_everything_in_and_says_why() -> None:
    made = world(*events("acme", 2), *events("globex", 1), permitted=("acme", "globex"))
    stop = ExportStop(event_time=made.now, version=1, stopped=True, approver="export officer", reason="audit")
    made.policies.append((stop.customer.encode(), encode(stop).value))
    run(made)
    assert made.ledger == {}
    assert made.ended == {EventClass.DENIED: 3}
    assert {(r.decision, r.reason) for r in made.audit} == {("deny", "everything is stopped: audit")}
    made.policies.append((stop.customer.encode(), encode(stop.model_copy(update={"version": 2, "stopped": False})).value))
    made.outbound += [progress("acme", "acme-order", 3)]
    run(made)
    assert revisions(made) == [3]


def test_nothing_is_posted_before_its_decision_is_in_the_audit_log() -> None:
    made = world(*events("acme", 3))
    made.fault = scripted(None, Crash())  # the second audit record is never written
    with pytest.raises(Crash):
        run(made)
    assert len(made.audit) == 1
    assert made.ledger == {}


def test_nothing_is_committed_before_the_ledger_has_it() -> None:
    made = world(*events("acme", 3))
    made.fault = scripted(None, None, None, None, Crash())  # three audit records, the head, then the batch
    with pytest.raises(Crash):
        run(made)
    assert (len(made.audit), made.ledger.get("acme", []), made.committed) == (3, [], 0)


def test_a_crash_after_the_post_repeats_nothing() -> None:
    made = world(*events("acme", 3))
    made.fault = scripted(None, None, None, None, None, Crash())  # stored, and then gone
    with pytest.raises(Crash):
        run(made)
    assert (revisions(made), made.committed) == ([1, 2, 3], 0)
    made.outbound += [progress("acme", "acme-order", 4)]
    asked = run(made).asked
    assert revisions(made) == [1, 2, 3, 4]
    assert made.committed == 4
    assert len(made.audit) == 4
    assert asked[0] == "stored acme"
    assert made.ended == {EventClass.DEDUPLICATED: 3, EventClass.DELIVERED: 1}


def test_after_a_lost_answer_it_goes_on_from_where_the_ledger_ends() -> None:
    made = world(*events("acme", 6))
    # two audit records, the head, before and after the batch, the commit; then of the next two records the answer is lost
    made.fault = scripted(*[None] * 6, None, None, None, Unavailable("lost"))
    api = run(made, most_records=2)
    assert revisions(made) == [1, 2, 3, 4, 5, 6]
    assert api.asked == ["head acme", "store acme", "store acme", "stored acme", "head acme", "store acme"]
    assert made.waits == [0.2]


def test_waits_double_and_obey_the_api() -> None:
    made = world(*events("acme", 1))
    made.fault = scripted(None, *(Unavailable("down") for _ in range(4)), Unavailable("busy", 90.0))
    run(made)
    assert made.waits == [0.2, 0.4, 0.8, 1.6, 90.0]
    assert revisions(made) == [1]


def test_no_more_than_the_records_in_hand_are_taken_while_the_api_is_down() -> None:
    made = world(*events("acme", 100))
    made.api_down = 50
    taken: list[int] = []

    def fault() -> None:
        taken.append(made.received)

    made.fault = fault
    run(made, most_records=10)
    assert len(made.waits) == 50
    assert taken[taken.index(20) - 1] == 10
    assert revisions(made) == list(range(1, 101))


def test_what_could_not_be_delivered_is_denied_when_the_policy_is_suspended_meanwhile() -> None:
    made = world(*events("acme", 2))

    def fault() -> Exception | None:
        if len(made.audit) == 2 and len(made.policies) == 1:
            made.permit(policy("acme", 2, suspended=True))
            return Unavailable("down")
        return None

    made.fault = fault
    run(made)
    assert revisions(made) == []
    assert [(r.decision, r.policy_version) for r in made.audit] == [("allow", 1), ("allow", 1), ("deny", 2), ("deny", 2)]
    assert made.ended == {EventClass.DENIED: 2}


def test_an_answer_that_got_lost_counts_as_delivered_even_after_a_suspension() -> None:
    made = world(*events("acme", 2))
    made.fault = scripted(None, None, None, None, Crash())
    with pytest.raises(Crash):
        run(made)
    made.permit(policy("acme", 2, suspended=True))
    run(made)
    assert revisions(made) == [1, 2]
    assert [r.decision for r in made.audit] == ["allow", "allow"]
    assert made.ended == {EventClass.DEDUPLICATED: 2}


def test_an_event_that_the_api_refuses_is_buried_and_the_others_arrive() -> None:
    made = world(*events("acme", 5))
    made.poison = {made.outbound[2].id}
    run(made)
    assert revisions(made) == [1, 2, 4, 5]
    assert made.ended == {EventClass.DELIVERED: 4, EventClass.DEAD_LETTERED: 1}
    (letter,) = made.dead
    assert letter[0] == "factory.outbound.v1.dlq"
    assert "the API refused it: it is poison" in dict(letter[1]["headers"])["dlq_reason"].decode()
    assert made.audit[-1].decision == "deny"


def test_old_duplicates_that_memory_has_lost_are_found_by_the_ledger() -> None:
    made = world(*events("acme", 30))
    run(made)
    made.outbound += made.outbound[:10]
    run(made, memory=5)
    assert revisions(made) == list(range(1, 31))
    assert made.committed == 40
    assert made.ended == {EventClass.DELIVERED: 30, EventClass.DEDUPLICATED: 10}


def test_a_denied_event_that_comes_again_is_denied_once() -> None:
    made = world(*events("globex", 2))
    run(made)
    made.outbound += made.outbound[:2]
    run(made)
    assert len(made.audit) == 2
    assert made.ended == {EventClass.DENIED: 2, EventClass.DEDUPLICATED: 2}


def test_a_denied_event_that_comes_again_under_a_new_policy_may_leave() -> None:
    made = world(*events("globex", 1))
    run(made)
    made.permit(policy("globex"))
    made.outbound += made.outbound[:1]
    run(made)
    assert revisions(made, "globex") == [1]
    assert [r.decision for r in made.audit] == ["deny", "allow"]


FAULTS = st.lists(st.sampled_from([None, None, None, None, Unavailable("down"), Crash()]), max_size=60)


@settings(max_examples=300, deadline=None)
@given(FAULTS, st.integers(1, 7), st.lists(st.sampled_from(["acme", "globex", "initech"]), min_size=1, max_size=25), st.data())
def test_crashes_and_outages_anywhere_lose_nothing_and_repeat_nothing(
    faults: list[Exception | BaseException | None], most_records: int, customers: list[str], data: st.DataObject
) -> None:
    made = world(permitted=("acme", "globex"))
    for number, customer in enumerate(customers):
        made.outbound.append(progress(customer, f"{customer}-order", number + 1))
    repeated = data.draw(st.lists(st.sampled_from(made.outbound), max_size=5))
    made.outbound += repeated
    made.fault = scripted(*faults)
    for _ in range(len(faults) + 1):
        made.received, made.ended = 0, Counter()
        try:
            run(made, most_records, memory=data.draw(st.sampled_from([3, 1_000])))
        except Crash:
            made.check()
            continue
        break
    made.check()
    assert made.committed == len(made.outbound)
    for customer in ("acme", "globex"):
        due = [e.id for e in dict.fromkeys(made.outbound) if e.customer == customer]
        assert [e["id"] for e in made.ledger.get(customer, [])] == due
    assert "initech" not in made.ledger
    denied = {r.event for r in made.audit if r.decision == "deny"}
    assert denied == {e.id for e in made.outbound if e.customer == "initech"}
    assert made.received == sum(made.ended.values())
