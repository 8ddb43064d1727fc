"""What an export officer reads about a policy, and what a trial of it counts."""

from datetime import UTC, datetime, timedelta

import pytest
from overseas_lab import kpi, policy, progress

from services.bridge.dry_run import dry_run
from services.bridge.policy_words import differences, in_words

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def effects(before: dict[str, object], after: dict[str, object]) -> list[tuple[str, str]]:
    """Effect and text of each difference between two policies of acme."""
    return [(d.effect, d.text) for d in differences(policy("acme", **before), policy("acme", 2, **after))]


def test_a_policy_says_what_leaves_what_is_cut_and_on_what_it_rests() -> None:
    words = " ".join(in_words(policy("acme", denied_fields=["due"], smallest_n=5, smallest_window_s=3600), NOW))
    assert "Version 1 for acme is good until 2126-01-01T00:00:00.000000Z." in words
    assert "May leave: progress of orders and KPIs of orders; nothing else." in words
    assert "Cut out: due." in words
    assert "at least 5 units" in words and "at least 3600 s" in words
    assert "contract C-1 for DE, purpose: order transparency; approved by export officer and head of sales." in words


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({"suspended": True}, "Version 1 for acme is SUSPENDED: nothing leaves."),
        ({"valid_until": NOW}, "Version 1 for acme EXPIRED at 2026-11-24T12:00:00.000000Z: nothing leaves."),
        ({"second_approver": None}, "Version 1 for acme has ONE APPROVER and needs two: nothing leaves."),
    ],
)
def test_a_policy_under_which_nothing_leaves_says_so_first(changes: dict[str, object], first: str) -> None:
    assert in_words(policy("acme", **changes), NOW)[0] == first


def test_a_policy_without_a_product_lets_nothing_leave() -> None:
    assert "It lists no product: nothing leaves." in in_words(policy("acme", products=[]), NOW)


def test_the_first_policy_of_a_customer_is_wider_than_nothing() -> None:
    assert [d.effect for d in differences(None, policy("acme"))] == ["wider"]


@pytest.mark.parametrize(
    ("before", "after", "effect"),
    [
        ({"products": ["order"]}, {}, "wider"),
        ({}, {"products": ["kpi"]}, "narrower"),
        ({"denied_fields": ["good"]}, {}, "wider"),
        ({}, {"denied_fields": ["good"]}, "narrower"),
        ({"smallest_n": 10}, {"smallest_n": 9}, "wider"),
        ({"smallest_window_s": 10}, {"smallest_window_s": 60}, "narrower"),
        ({"valid_until": NOW}, {}, "wider"),
        ({"retention_days": 10}, {"retention_days": 5}, "narrower"),
        ({"suspended": True}, {}, "wider"),
        ({}, {"suspended": True}, "narrower"),
        ({}, {"destination": "FI"}, "wider"),
        ({}, {"purpose": "other"}, "same reach"),
    ],
)
def test_each_change_is_wider_or_narrower(before: dict[str, object], after: dict[str, object], effect: str) -> None:
    assert [e for e, _ in effects(before, after)] == [effect]


def test_equal_policies_differ_in_nothing() -> None:
    assert effects({}, {}) == []


def test_a_trial_counts_each_event_once_by_what_would_become_of_it() -> None:
    events = [progress("acme", "o1", 1), progress("acme", "o1", 1), progress("acme", "o1", 2), kpi("acme", "o1", 1, n=3)]
    trial = dry_run(events, policy("acme", denied_fields=["good"], smallest_n=5), NOW)
    assert trial.events == 3
    assert trial.leaves == {"order": 2, "kpi": 1}
    assert trial.cut == {
        ("order", "good", "is denied by the policy"): 2,
        ("kpi", "value", "stands on 3 units, fewer than 5"): 1,
    }
    assert not trial.denied


def test_a_trial_under_an_expired_policy_keeps_everything_in() -> None:
    trial = dry_run([progress("acme", "o1", 1)], policy("acme", valid_until=NOW - timedelta(days=1)), NOW)
    assert not trial.leaves
    assert list(trial.denied.values()) == [1]
