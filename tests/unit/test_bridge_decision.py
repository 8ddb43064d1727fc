"""The gate, rule by rule. A rule that is not met denies or cuts; nothing else changes the answer."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from overseas_lab import START, kpi, policy, progress

from schemas.customer_event import IDENTIFYING, VIEWS, check_payload
from schemas.envelope import Window
from schemas.events.kpi_value import Kpi
from schemas.events.outbound_event import OrderKpi, OrderProgress, OutboundEvent
from schemas.label import DataClass, Export, Label, PersonalInformation
from services.api.labels import refusal
from services.bridge.batch import customer_body, size
from services.bridge.decision import RULES, Decision, decide

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_a_policy_that_permits_everything_lets_both_products_out_whole() -> None:
    for event in (progress("acme", "o1", 1), kpi("acme", "o1", 1)):
        assert decide(event, policy("acme", 7), NOW) == Decision("allow", "policy version 7 permits it")


DENIALS: dict[str, tuple[dict[str, Any] | None, str]] = {
    "no policy": (None, "there is no export policy for this customer"),
    "policy of another customer": ({"customer": "globex"}, "the policy is that of globex"),
    "suspended": ({"suspended": True}, "the policy is suspended"),
    "one approver": ({"second_approver": None}, "the policy has one approver, and two are needed"),
    "the same twice": ({"second_approver": "Export Officer "}, "both approvers of the policy are the same"),
    "expired": ({"valid_until": NOW - timedelta(seconds=1)}, "the policy expired at 2026-11-24T11:59:59.000000Z"),
    "expired this instant": ({"valid_until": NOW}, "the policy expired at 2026-11-24T12:00:00.000000Z"),
    "no product": ({"products": []}, "the policy does not list the product order"),
    "another product": ({"products": ["kpi"]}, "the policy does not list the product order"),
    "misspelt field": ({"denied_fields": ["goods"]}, "the policy denies the field goods, which no product has"),
    "identifying field denied": (
        {"denied_fields": ["order"]},
        "order is denied by the policy, and without it nobody can tell what the rest is about",
    ),
    "revision denied": (
        {"denied_fields": ["revision"]},
        "revision is denied by the policy, and without it nobody can tell what the rest is about",
    ),
}


@pytest.mark.parametrize("name", DENIALS)
def test_denied(name: str) -> None:
    changes, reason = DENIALS[name]
    given_policy = None if changes is None else policy("acme").model_copy(update=changes)
    assert decide(progress("acme", "o1", 1), given_policy, NOW) == Decision("deny", reason)


def test_a_policy_is_good_until_its_last_microsecond() -> None:
    last = policy("acme", valid_until=NOW + timedelta(microseconds=1))
    assert decide(progress("acme", "o1", 1), last, NOW).kind == "allow"


CUTS: dict[str, tuple[OutboundEvent, dict[str, Any], tuple[str, ...], str]] = {
    "denied field": (progress("acme", "o1", 1), {"denied_fields": ["good"]}, ("good",), "good is denied by the policy"),
    "denied field of another product": (progress("acme", "o1", 1), {"denied_fields": ["coverage"]}, (), ""),
    "two denied fields": (
        progress("acme", "o1", 1),
        {"denied_fields": ["due", "good"]},
        ("good", "due"),
        "good is denied by the policy; due is denied by the policy",
    ),
    "too few units": (kpi("acme", "o1", 1, n=9), {"smallest_n": 10}, ("value",), "value stands on 9 units, fewer than 10"),
    "just enough units": (kpi("acme", "o1", 1, n=10), {"smallest_n": 10}, (), ""),
    "too short": (
        kpi("acme", "o1", 1, hours=0.5),
        {"smallest_window_s": 1801},
        ("value",),
        "value stands on 1800 s, less than 1801 s",
    ),
    "just long enough": (kpi("acme", "o1", 1, hours=0.5), {"smallest_window_s": 1800}, (), ""),
}


@pytest.mark.parametrize("name", CUTS)
def test_cut(name: str) -> None:
    event, changes, cut, reason = CUTS[name]
    decision = decide(event, policy("acme", **changes), NOW)
    assert (decision.kind, decision.cut) == ("redact" if cut else "allow", cut)
    assert not cut or decision.reason == reason
    body = customer_body(event, decision)
    assert isinstance(body["payload"], dict)
    assert not set(cut) & set(body["payload"])
    check_payload(event.payload.product, body["payload"])


class Leaky(OrderKpi):
    """A product whose author forgot things."""

    unlabelled: int = 1
    denied: Annotated[int, Label("Denied")] = 1
    masked: Annotated[str, Label("Masked", Export.MASK)] = "x"
    operator: Annotated[str, Label("Operator", Export.ALLOW, pi=PersonalInformation.PI)] = "x"
    health: Annotated[str, Label("Sensitive", Export.ALLOW, pi=PersonalInformation.SENSITIVE)] = "x"


class Core(OrderProgress):
    secret: Annotated[int, Label("Core", Export.ALLOW, DataClass.CORE)] = 1


class Important(OrderProgress):
    secret: Annotated[int, Label("Important", Export.ALLOW, DataClass.IMPORTANT)] = 1


class InnerWindow(Window):
    shift: Annotated[str, Label("Shift")] = "night"


class Nested(OrderProgress):
    period: Annotated[InnerWindow, Label("Period", Export.ALLOW)] = InnerWindow(start=START, end=NOW)


class Lonely(OrderProgress):
    mean: Annotated[float, Label("Mean of an unknown number", Export.AGGREGATE)] = 1.0


class Nameless(OutboundEvent):
    """An envelope whose subject may not leave."""

    subject: Annotated[str, Label("Order it is about", Export.DENY)]


def outbound(payload: Any, model: type[OutboundEvent] = OutboundEvent) -> OutboundEvent:
    """An event with that payload, past the closed contract."""
    return model.model_construct(event_time=START, id="x", customer="acme", subject="o1", payload=payload)


ORDER = {"order": "o1", "part": "p", "planned": 1, "produced": 1, "good": 1, "phase": "running", "revision": 1}
KPI = {
    "order": "o1",
    "kpi": Kpi.AVAILABILITY,
    "kpi_id": "k",
    "window": Window(start=START, end=NOW),
    "revision": 1,
    "status": "final",
    "value": 0.5,
    "n": 5,
    "coverage": 1.0,
}


def test_labels_cut_what_no_policy_can_permit() -> None:
    decision = decide(outbound(Leaky(**KPI)), policy("acme"), NOW)
    assert decision.cut == ("unlabelled", "denied", "masked", "operator", "health")
    assert decision.reason == (
        "unlabelled has no label; denied is not for export; masked may leave only masked; "
        "operator is personal information; health is personal information"
    )


@pytest.mark.parametrize("model", [Core, Important])
def test_core_and_important_data_stop_the_whole_event(model: type[OrderProgress]) -> None:
    decision = decide(outbound(model(**ORDER)), policy("acme"), NOW)
    assert (decision.kind, decision.reason) == ("deny", f"secret is {model.__name__.lower()} data")


def test_a_forbidden_field_inside_a_field_takes_the_outer_one_with_it() -> None:
    decision = decide(outbound(Nested(**ORDER)), policy("acme"), NOW)
    assert (decision.kind, decision.cut) == ("redact", ("period",))


def test_an_aggregate_of_an_unknown_number_is_cut() -> None:
    decision = decide(outbound(Lonely(**ORDER)), policy("acme"), NOW)
    assert (decision.cut, decision.reason) == (("mean",), "mean is an aggregate of an unknown number of units or window")


def test_an_envelope_that_may_not_leave_denies() -> None:
    decision = decide(outbound(OrderProgress(**ORDER), Nameless), policy("acme"), NOW)
    assert (decision.kind, decision.reason) == ("deny", "subject is not for export")


DENIED = [
    *(
        (progress("acme", "o1", 1), policy("acme").model_copy(update=changes))
        for changes, _ in DENIALS.values()
        if changes is not None
    ),
    (outbound(Core(**ORDER)), policy("acme")),
    (outbound(OrderProgress(**ORDER), Nameless), policy("acme")),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_without_any_one_of_the_rules_something_leaves_that_must_not(rule: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {decide(event, given_policy, NOW).kind for event, given_policy in DENIED} == {"deny"}
    monkeypatch.setattr("services.bridge.decision.RULES", tuple(r for r in RULES if r is not rule))
    assert {decide(event, given_policy, NOW).kind for event, given_policy in DENIED} != {"deny"}


def test_a_long_reason_fits_the_audit_record() -> None:
    fields = sorted({f for product, view in VIEWS.items() for f in view.model_fields if f not in IDENTIFYING[product]})
    decision = decide(kpi("acme", "o1", 1), policy("acme", denied_fields=fields), NOW)
    assert decision.kind == "redact"
    assert len(decision.reason) <= 300


def test_a_denial_sends_nothing() -> None:
    event = progress("acme", "o1", 1)
    assert size(event, decide(event, None, NOW)) == 0
    assert size(event, decide(event, policy("acme"), NOW)) > 100


fields_of_all = sorted({f for view in VIEWS.values() for f in view.model_fields})
policies = st.builds(
    lambda **changes: policy("acme", **changes),
    suspended=st.booleans(),
    products=st.lists(st.sampled_from(["order", "kpi"]), max_size=2),
    denied_fields=st.lists(st.sampled_from(fields_of_all), max_size=4),
    smallest_n=st.integers(1, 20),
    smallest_window_s=st.integers(0, 7_200),
    valid_until=st.datetimes(datetime(2026, 11, 23), datetime(2026, 11, 26), timezones=st.just(UTC)),
)
events = st.one_of(
    st.builds(lambda r: progress("acme", "o1", r), st.integers(1, 50)),
    st.builds(
        lambda r, v, n, h: kpi("acme", "o1", r, v, n, h),
        st.integers(1, 50),
        st.one_of(st.none(), st.floats(0, 1)),
        st.integers(0, 30),
        st.floats(0.1, 3),
    ),
)


@given(events, st.one_of(st.none(), policies))
def test_what_is_let_out_is_within_the_policy_and_the_api_takes_it(event: OutboundEvent, given_policy: Any) -> None:
    """An oracle of its own: what leaves has no denied field, no too fine value, and only under a policy that is in force."""
    decision = decide(event, given_policy, NOW)
    product: Literal["order", "kpi"] = event.payload.product
    in_force = given_policy is not None and not given_policy.suspended and given_policy.valid_until > NOW
    if not in_force or product not in given_policy.products:
        assert decision.kind == "deny"
        return
    if decision.kind == "deny":
        assert set(given_policy.denied_fields) & IDENTIFYING[product]
        return
    payload = customer_body(event, decision)["payload"]
    assert isinstance(payload, dict)
    assert not set(payload) & set(given_policy.denied_fields)
    assert refusal(product, payload) is None
    if isinstance(event.payload, OrderKpi) and "value" in payload:
        span = event.payload.window.end - event.payload.window.start
        assert event.payload.n >= given_policy.smallest_n
        assert span >= timedelta(seconds=given_policy.smallest_window_s)
