"""The small parts of the bridge: offsets, memory, waits, policies, batches, and the audit chain."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from overseas_lab import policy, progress

from schemas.chain import Head, verify
from schemas.codec import encode
from schemas.events.export_stop import ExportStop
from services.bridge.audit_record import AuditChains, as_entry, audit_record
from services.bridge.backoff import delay, retry_after
from services.bridge.batch import batches
from services.bridge.dead_letters import dead_letter
from services.bridge.decision import Decision
from services.bridge.memory import Memory
from services.bridge.pending import Offsets, Pending
from services.bridge.policies import PolicyView

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ALLOW = Decision("allow", "policy version 1 permits it")


def pending(number: int, customer: str = "acme") -> Pending:
    """The record at offset ``number``."""
    event = progress(customer, "o1", number + 1)
    return Pending(0, number, 0.0, customer.encode(), encode(event).value, event, ALLOW, 1)


# --- offsets


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=60), st.data())
def test_only_what_has_ended_below_everything_open_is_committed(steps: list[tuple[int, bool]], data: st.DataObject) -> None:
    """Against a model that keeps every offset with its state."""
    offsets, state, nexts = Offsets(), dict[tuple[int, int], bool](), {0: 5, 1: 0, 2: 100}
    for partition, take in steps:
        open_ones = sorted(k for k, ended in state.items() if not ended and k[0] == partition)
        if take or not open_ones:
            offsets.taken(partition, nexts[partition])
            state[partition, nexts[partition]] = False
            nexts[partition] += data.draw(st.integers(1, 3))  # offsets may have gaps
        else:
            chosen = data.draw(st.sampled_from(open_ones))
            offsets.ended(*chosen)
            state[chosen] = True
        if data.draw(st.booleans()):
            ready = offsets.committable()
            for number, offset in ready.items():
                assert all(ended for (p, o), ended in state.items() if p == number and o < offset)
                assert offset == min(
                    (o for (p, o), ended in state.items() if p == number and not ended),
                    default=max(o for p, o in state if p == number) + 1,
                )
            offsets.committed(ready)
            assert offsets.committable() == {}


def test_a_partition_that_was_taken_away_is_forgotten() -> None:
    offsets = Offsets()
    offsets.taken(0, 7)
    offsets.taken(1, 3)
    offsets.dropped(0)
    offsets.ended(0, 7)
    offsets.ended(1, 3)
    assert offsets.committable() == {1: 4}


# --- memory


def test_memory_is_bounded_and_keeps_the_newest() -> None:
    memory = Memory(3)
    for number in range(10):
        memory.audited(f"e{number}", "allow", 1)
    assert len(memory) == 3
    assert memory.of("e6").kind is None
    assert memory.of("e9").in_doubt
    memory.delivered(["e7"])
    memory.audited("new", "deny", None)
    assert not memory.of("e7").in_doubt
    assert memory.of("e8").kind is None
    assert not memory.of("new").in_doubt


# --- waits


@given(st.integers(1, 200), st.floats(0, 1, exclude_max=True))
def test_waits_grow_to_a_bound_and_are_spread(attempt: int, chance: float) -> None:
    seconds = delay(attempt, chance, 0.2, 60.0)
    whole = min(60.0, 0.2 * 2 ** (attempt - 1))
    assert whole / 2 <= seconds <= whole


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0.0),
        ("", 0.0),
        ("120", 120.0),
        (" 5 ", 5.0),
        ("Tue, 24 Nov 2026 12:01:30 GMT", 90.0),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", 0.0),
        ("-5", 0.0),
        ("1e3", 0.0),
    ],
)
def test_retry_after_in_seconds_or_as_a_date(header: str | None, seconds: float) -> None:
    assert retry_after(header, NOW) == seconds


# --- policies


def raw(customer: str, version: int = 1) -> bytes:
    """The record of a policy."""
    return encode(policy(customer, version)).value


def test_the_newest_policy_of_a_customer_counts() -> None:
    view = PolicyView()
    assert view.policy("acme") is None
    for version in (1, 2):
        assert view.apply(b"acme", raw("acme", version)) is None
    found = view.policy("acme")
    assert found is not None
    assert found.version == 2
    assert view.apply(b"acme", None) is None
    assert (view.policy("acme"), view.unreadable("acme")) == (None, None)


def switch(stopped: bool, version: int = 1) -> bytes:
    """A record of the switch for all."""
    record = ExportStop(event_time=NOW, version=version, stopped=stopped, approver="export officer", reason="audit")
    return encode(record).value


# switch   -      on      off     on     withdrawn
# leaves   yes    no      yes     no     yes
def test_the_switch_for_all_is_on_from_its_record_to_the_next() -> None:
    view = PolicyView()
    seen = [view.stop is not None]
    for version, value in enumerate((switch(True), switch(False, 2), switch(True, 3), None), 1):
        assert view.apply(b"-all-", value) is None
        seen.append(view.stop is not None)
        assert view.switch_version == (version if value else 0)
    assert seen == [False, True, False, True, False]


def test_a_switch_that_can_not_be_read_stops_everything_until_one_can() -> None:
    view = PolicyView()
    assert view.apply(b"-all-", b'{"stopped": false}') is not None
    assert view.switch_unreadable is not None
    view.apply(b"-all-", switch(False))
    assert (view.switch_unreadable, view.stop) == (None, None)


@pytest.mark.parametrize(
    "value", [b"", b"{", b"{}", b"null", b"\xff\xfe", b"[]", raw("globex"), raw("acme").replace(b'"order"', b'"all"')]
)
def test_a_policy_that_can_not_be_read_denies_its_customer_only(value: bytes) -> None:
    view = PolicyView()
    view.apply(b"acme", raw("acme"))
    view.apply(b"globex", raw("globex"))
    said = view.apply(b"acme", value)
    assert said is not None
    assert "'acme' can't be read" in said
    assert view.policy("acme") is None
    assert view.unreadable("acme")
    assert view.policy("globex") is not None
    assert view.apply(b"acme", raw("acme", 2)) is None
    assert (view.policy("acme") is not None, view.unreadable("acme")) == (True, None)


# --- batches


@given(st.integers(1, 40), st.integers(1, 12), st.integers(1_000, 20_000), st.integers(0, 5))
def test_batches_chain_in_order_within_their_bounds(count: int, most: int, most_bytes: int, at: int) -> None:
    head = Head(at, "a" * 64) if at else Head()
    members = [(pending(n), ALLOW) for n in range(count)]
    made = list(batches("acme", members, head, most, most_bytes))
    assert [p for b in made for p in b.members] == [p for p, _ in members]
    assert all(len(b.members) <= most for b in made)
    assert all(len(b.body) <= most_bytes or len(b.members) == 1 for b in made)
    events = [entry["event"] for b in made for entry in _entries(b.body)]
    assert verify(events, head) == made[-1].head == Head(at + count, events[-1]["hash"])
    assert len({b.key for b in made}) == len(made)
    assert made == list(batches("acme", members, head, most, most_bytes))


def _entries(body: bytes) -> list[dict[str, dict[str, str]]]:
    import json

    entries: list[dict[str, dict[str, str]]] = json.loads(body)["entries"]
    return entries


def test_the_key_of_a_batch_changes_with_anything_in_it() -> None:
    def key(numbers: list[int], head: Head, customer: str = "acme") -> str:
        return next(batches(customer, [(pending(n, customer), ALLOW) for n in numbers], head, 100, 10**6)).key

    keys = [
        key([0, 1], Head()),
        key([0], Head()),
        key([1, 0], Head()),
        key([0, 1], Head(1, "a" * 64)),
        key([0, 1], Head(1, "b" * 64)),
        key([0, 1], Head(), "globex"),
    ]
    assert len(set(keys)) == len(keys)


# --- audit


def test_audit_records_chain_per_customer_and_can_be_verified_from_their_json() -> None:
    chains = AuditChains()
    written = []
    for number in range(6):
        customer = ("acme", "globex")[number % 2]
        record = audit_record(pending(number, customer), ALLOW, "DE https://api.example", NOW, chains.head(customer))
        assert chains.apply(record)
        written.append(record)
    for customer in ("acme", "globex"):
        mine = [as_entry(r) for r in written if r.customer == customer]
        assert verify(mine) == chains.head(customer) == Head(3, str(mine[-1]["hash"]))


def test_the_same_decision_has_the_same_audit_id_and_another_one_has_not() -> None:
    def made(decision: Decision, version: int | None, number: int = 0, at: datetime = NOW) -> str:
        record = pending(number)
        record.policy_version = version
        return audit_record(record, decision, "DE x", at, Head()).id

    deny = Decision("deny", "the policy is suspended")
    first = made(ALLOW, 1)
    assert made(ALLOW, 1, at=datetime(2027, 1, 1, tzinfo=UTC)) == first
    assert len({first, made(deny, 1), made(ALLOW, 2), made(deny, None), made(ALLOW, 1, 1)}) == 5


def test_a_record_of_a_second_writer_is_no_part_of_the_chain() -> None:
    chains = AuditChains()
    first = audit_record(pending(0), ALLOW, "DE x", NOW, chains.head("acme"))
    stray = audit_record(pending(1), ALLOW, "DE x", NOW, chains.head("acme"))
    assert chains.apply(first)
    assert not chains.apply(stray)
    assert not chains.apply(first)
    second = audit_record(pending(1), ALLOW, "DE x", NOW, chains.head("acme"))
    assert chains.apply(second)
    assert verify([as_entry(first), as_entry(second)]) == chains.head("acme")


def test_a_chain_whose_beginning_is_gone_goes_on() -> None:
    record = audit_record(pending(5), ALLOW, "DE x", NOW, Head(41, "c" * 64))
    chains = AuditChains()
    assert chains.apply(record)
    assert chains.head("acme").sequence == 42


# --- dead letters


def test_a_dead_letter_keeps_the_record_and_has_a_stable_id() -> None:
    letter = dead_letter(3, 14, 1_700_000_000.25, (b"k", b"\xff{"), "payload.good", "r" * 900)
    again = dead_letter(3, 14, 1_800_000_000.0, (b"k", b"\xff{"), "", "another")
    assert letter.id == again.id
    record = encode(letter)
    assert (record.topic, record.value) == ("factory.outbound.v1.dlq", b"\xff{")
    assert dict(record.headers)["dlq_offset"] == b"14"
