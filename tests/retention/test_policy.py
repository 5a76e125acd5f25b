"""The text of a policy: what is read, and what is refused in one sentence."""

from __future__ import annotations

from datetime import timedelta
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest

from workers.database.engine import Database
from workers.errors import PolicyInvalid
from workers.footage.recording import Kind, SourceType
from workers.retention.facts import HoldReason
from workers.retention.policies import named_only
from workers.retention.policy import parse
from workers.retention.rules import (
    Budget,
    Category,
    Clock,
    HoldRule,
    LateDocking,
    Override,
    Policy,
    QuarantineRule,
    Then,
)
from workers.retention.shipped import NAMES, shipped

MET = shipped("met")
WORN = (SourceType.BODY_WORN, Kind.FOOTAGE)


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_policy_is_sound_and_names_a_source_for_each_rule(name: str) -> None:
    policy = parse(shipped(name), 3)
    assert (policy.name, policy.version, policy.timezone) == (name, 3, "Europe/London")
    rules = [rule for category in policy.categories for rule in policy.rules(category.name, *WORN)]
    assert all(rule.source for rule in rules) and policy.for_trial == (name == "demo")


def test_shipped_policies_are_in_the_package() -> None:
    there = {entry.name for entry in files("workers.retention.shipped").iterdir() if entry.name.endswith(".toml")}
    assert there == {f"{name}.toml" for name in NAMES}


def test_the_mets_uncategorised_footage_goes_within_31_days() -> None:
    policy = parse(MET, 1)
    [rule] = policy.rules("uncategorised", *WORN)
    assert (rule.period.text, rule.clock, rule.then) == ("31 days", Clock.RECORDED, Then.EXPIRE)
    assert (policy.window, policy.bin) == (timedelta(hours=48), timedelta(hours=72))


@pytest.mark.parametrize("name", ["met", "surrey"])
def test_sexual_offences_children_and_privilege_are_for_named_people(name: str) -> None:
    policy = parse(shipped(name), 1)
    assert [one.name for one in policy.categories if one.named_only] == ["sexual-offence", "child", "privileged"]


async def test_a_category_that_is_given_up_hides_no_less_than_before(database: Database) -> None:
    without = MET.replace('name = "child"', 'name = "minor"')
    opened = MET.replace("named_only = true\n", "", 1).replace("named_only = true  ", "", 1)
    for version, toml, hidden in (
        (1, MET, {"sexual-offence", "child", "privileged"}),
        (2, without, {"sexual-offence", "child", "minor", "privileged"}),
        (3, opened, {"minor", "privileged"}),
    ):
        await database.execute("INSERT INTO policies VALUES (%s, 'p', %s, '', now(), 'ADMIN', '{}')", (version, toml))
        async with database.connection() as connection:
            assert await named_only(connection) == hidden, version


def test_an_override_takes_the_place_of_its_category_for_the_clips_it_names() -> None:
    [rule] = parse(MET, 1).rules("uncategorised", SourceType.TASER, Kind.EVENT_LOG)
    assert (rule.name, rule.category, rule.period.text) == ("uncategorised/event_log", "uncategorised", "1 year")


def test_where_several_overrides_fit_both_are_rules_so_that_the_longest_counts() -> None:
    more = '[[category.override]]\nsource_type = "taser"\nperiod = "2 years"\nsource = "force"\n\n'
    text = MET.replace('[[category]]\nname = "non-crime', f'{more}[[category]]\nname = "non-crime')
    rules = parse(text, 1).rules("uncategorised", SourceType.TASER, Kind.EVENT_LOG)
    assert [rule.name for rule in rules] == ["uncategorised/event_log", "uncategorised/taser"]


def test_a_category_that_is_not_defined_has_every_rule() -> None:
    policy = parse(MET, 1)
    assert {rule.category for rule in policy.rules("cold-case", *WORN)} == set(policy.names)


def test_every_reason_for_a_hold_says_what_lifts_it() -> None:
    holds = parse(MET, 1).holds
    assert holds[HoldReason.COMPLAINT].people == 2 and holds[HoldReason.CASE].people == 1


SHORT = 'period = "31 days"\nsource = "MPS body worn'
SOURCE = f'source = "{parse(MET, 1).categories[0].source}"'
NEXT = '[[category]]\nname = "non-crime'
REFUSED = {
    "empty": ("", "is empty"),
    "blank": (" \n\t\n", "is empty"),
    "comment": ("# nothing\n", "says nothing"),
    "not TOML": ("name = met", "is not TOML"),
    "JSON": ('{"name": "met"}', "is not TOML"),
    "unknown field": (
        MET.replace("review_within", "reveiw_within"),
        "unknown field 'reveiw_within'; did you mean 'review_within'",
    ),
    "unknown in category": (
        MET.replace("title =", "titel =", 1),
        "category 'uncategorised': unknown field 'titel'; did you mean 'title'",
    ),
    "unknown in override": (
        MET.replace('kind = "event_log"', 'knd = "event_log"'),
        "override number 1: unknown field 'knd'",
    ),
    "unknown in budget": (MET.replace("per_hour", "per_minute"), "[budget]: unknown field 'per_minute'"),
    "version written down": (f"version = 3\n{MET}", "unknown field 'version'"),
    "missing field": (MET.replace('bin = "72 hours"', ""), "missing required field `bin`"),
    "missing source": (MET.replace(SOURCE, ""), "category 'uncategorised': Object missing required field `source`"),
    "empty source": (MET.replace(SOURCE, 'source = " "'), "'uncategorised': source is empty"),
    "wrong type": (MET.replace('period = "31 days"', "period = 31", 1), "expected text"),
    "all for named people": (
        MET.replace('name = "uncategorised"', 'name = "uncategorised"\nnamed_only = true', 1),
        "'uncategorised': named_only would hide every clip",
    ),
    "no period": (MET.replace('"31 days"', '"a month"', 1), "'a month': expected a length of time"),
    "window in months": (MET.replace('window = "48 hours"', 'window = "1 month"'), "window: '1 month': expected"),
    "no uncategorised": (
        MET.replace('name = "uncategorised"', 'name = "other"'),
        "category 'uncategorised' is missing",
    ),
    "twice": (MET.replace('name = "training"', 'name = "volume-crime"'), "category 'volume-crime' is there twice"),
    "bad name": (MET.replace('name = "training"', 'name = "Training"'), "category 'Training': expected"),
    "long name": (MET.replace('name = "training"', f'name = "{"t" * 65}"'), "expected at most 64"),
    "reserved name": (MET.replace('name = "training"', 'name = "quarantine"'), "is taken by the table"),
    "window too short": (
        MET.replace('window = "48 hours"', 'window = "23 hours"'),
        "window of 23:00:00: expected at least 24 hours",
    ),
    "bin too short": (MET.replace('bin = "72 hours"', 'bin = "1 hour"'), "bin of 1:00:00: expected at least 24 hours"),
    "period within bin and window": (
        MET.replace('"31 days"', '"5 days"', 1),
        "rule 'uncategorised': 5 days is not longer than bin and window",
    ),
    "override within bin and window": (
        MET.replace('kind = "event_log"\nperiod = "1 year"', 'kind = "event_log"\nperiod = "2 days"'),
        "'uncategorised/event_log': 2 days is not longer",
    ),
    "again within bin and window": (
        MET.replace('again = "1 year"', 'again = "1 hour"', 1),
        "1 hour is not longer than bin and window",
    ),
    "late minimum within bin and window": (
        MET.replace('minimum = "7 days"', 'minimum = "5 days"'),
        "what is docked late would go at once",
    ),
    "override of nothing": (MET.replace('kind = "event_log"\nperiod', "period"), "names neither source_type nor kind"),
    "override twice": (
        MET.replace(
            NEXT,
            f'[[category.override]]\nkind = "event_log"\nperiod = "2 years"\nsource = "x"\n\n{NEXT}',
        ),
        "rule 'uncategorised/event_log' is there twice",
    ),
    "review of never": (
        MET.replace('period = "6 years"\nthen = "review"', 'period = "never"\nthen = "review"', 1),
        "has no end to review",
    ),
    "clock of uncategorised": (MET.replace(SHORT, f'clock = "outcome"\n{SHORT}'), "has none but recorded or docked"),
    "unknown clock": (MET.replace(SHORT, f'clock = "doked"\n{SHORT}'), "Invalid enum value 'doked'"),
    "budget 0": (MET.replace("share = 2.0 ", "share = 0 "), "[budget] share of 0: expected more than 0"),
    "budget not a number": (MET.replace("share = 2.0 ", "share = nan "), "[budget] share of nan"),
    "budget infinite": (MET.replace("share = 2.0 ", "share = inf "), "[budget] share of inf"),
    "per hour 0": (MET.replace("per_hour = 3000", "per_hour = 0"), "[budget] per_hour of 0"),
    "floor below 0": (MET.replace("floor = 50", "floor = -1"), "[budget] floor of -1"),
    "unknown zone": (
        MET.replace("Europe/London", "Europe/Londno"),
        "unknown time zone 'Europe/Londno'; did you mean 'Europe/London'?",
    ),
    "zone that is a path": (MET.replace("Europe/London", "../../etc/passwd"), "unknown time zone"),
    "unknown hold": (MET.replace("[hold.foi]", "[hold.foia]"), "foia"),
    "hold left out": (MET[: MET.index("[hold.manual]")], "[hold.manual] is missing"),
    "no holds": (MET[: MET.index("[hold.complaint]")], "hold"),
    "hold lifted by nobody": (
        MET.replace("[hold.manual]\npeople = 1", "[hold.manual]\npeople = 0"),
        "[hold.manual] people of 0: expected 1, which",
    ),
    "hold lifted by one": (
        MET.replace("[hold.dsi]\npeople = 2", "[hold.dsi]\npeople = 1"),
        "[hold.dsi] people of 1: expected 2, which",
    ),
    "category is a table": (
        "category = 1\n" + MET[: MET.index("[[category]]")],
        "expected tables that begin with [[category]]",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_wrong_is_refused_in_one_sentence(what: str) -> None:
    text, sentence = REFUSED[what]
    assert text != MET, "the case changes the policy"
    with pytest.raises(PolicyInvalid) as refused:
        parse(text, 1)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def only(*categories: str) -> str:
    """The Met's policy with these categories alone."""
    head, _, rest = MET.partition("[[category]]")
    parts = [part for part in f"[[category]]{rest}".split("[[category]]\n") if part]
    end = MET[MET.index("[quarantine]") :]
    kept = [part for part in parts if part.split('"')[1] in categories]
    return head + "".join(f"[[category]]\n{part.split('[quarantine]')[0]}" for part in kept) + end


def test_a_policy_that_would_delete_everything_is_refused() -> None:
    with pytest.raises(PolicyInvalid, match="nothing is kept longer than uncategorised footage"):
        parse(only("uncategorised", "non-crime-encounter"), 1)
    within = only("uncategorised", "stop-and-search").replace('"1 year"', '"90 days"')
    with pytest.raises(PolicyInvalid, match="every category expires within a year"):
        parse(within, 1)
    assert parse(within.replace("timezone", "for_trial = true\ntimezone"), 1).for_trial
    assert parse(only("uncategorised", "complaint"), 1).names == ("uncategorised", "complaint")


def test_a_policy_that_is_too_long_is_refused() -> None:
    with pytest.raises(PolicyInvalid, match="longer than"):
        parse(f"{MET}\n# {'x' * 600_000}", 1)


def test_deeply_nested_text_is_refused_and_ends_nothing() -> None:
    with pytest.raises(PolicyInvalid, match=r"is not TOML|unknown field"):
        parse(f"a = {'[' * 5000}{']' * 5000}", 1)


def test_the_example_of_the_documentation_is_a_policy_and_the_page_names_every_field() -> None:
    page = (Path(__file__).parents[2] / "docs" / "retention-policy.md").read_text()
    example = page.split("```toml\n")[1].split("```")[0]
    assert parse(example, 1).names == ("uncategorised", "evidential", "case-material")
    for kind in (Policy, Category, Override, QuarantineRule, LateDocking, Budget, HoldRule):
        for field in msgspec.structs.fields(kind):
            name = field.encode_name
            assert name in ("version", "toml") or f"`{name}`" in page or f"{name}]" in page, f"{kind.__name__}.{name}"
