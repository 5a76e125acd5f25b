"""Why a clip is kept, in the bin or gone: one answer, from the row that decides or from the custody log alone.

The answer of any moment is `decide` asked again with what was known then: the clip, what people had decided, the
holds that stood, and the policy in force. What only an erased payload said is told as unknown.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from workers.fate.moves import FINAL, Disposal
from workers.fate.row import Fate
from workers.keys.signing import Signed
from workers.retention.clips import clip_of
from workers.retention.decide import decide
from workers.retention.decision import Decision, Expire, Outcome, Plan, Reason, Review
from workers.retention.facts import Categorised, Fact, Hold, HoldReason
from workers.retention.history import Decided, Past
from workers.retention.policy import Policy
from workers.retention.statements import Disposed

BY_THE_FORCE = "kept by the force"
"""All that is said of a restricted hold: whom it concerns must not learn of it."""

Named = bool | Collection[HoldReason]
"""Whether holds that are not restricted are named, or the reasons of those that are."""

WITHOUT_POLICY = "kept: no retention policy was in force, and without one nothing goes"


class State(StrEnum):
    """What a person sees first."""

    UNKNOWN = "not there yet"
    KEPT = "kept"
    BIN = "in the bin"
    LEAVING = "being deleted"
    GONE = "deleted"


class HoldShown(Struct, frozen=True):
    """A hold as it may be shown; only `says` where it is restricted."""

    says: str
    hold_id: str | None = None
    reason: str | None = None
    since: datetime | None = None
    by: str | None = None


class Explanation(Struct, frozen=True):
    """Why a clip is where it is, at a moment.

    Attributes:
        says: the answer in one sentence.
        reasons: of the decision, each with the source of its rule.
        given_by, given_at: of the category, where a person gave it.
        plan: what the policy says of this clip; None without a policy, and once it is gone.
        notes: what else must be known to read this, such as what is erased.
        certificate: of the disposal.
    """

    clip_id: str
    at: datetime
    state: State
    says: str
    timezone: str = "UTC"
    reasons: tuple[Reason, ...] = ()
    policy: int | None = None
    policy_name: str | None = None
    category: str | None = None
    rule: str | None = None
    given_by: str | None = None
    given_at: datetime | None = None
    holds: tuple[HoldShown, ...] = ()
    plan: Plan | None = None
    notes: tuple[str, ...] = ()
    certificate: Signed | None = None


def past_of_row(fate: Fate, holds: Sequence[Hold]) -> Past:
    """The same view of a clip, from the row that decides.

    Args:
        holds: those of `fate.hold_reasons`, with what their requests say.
    """
    disposal = Disposal(fate.disposal) if fate.disposal else None
    return Past(
        clip_id=fate.clip_id,
        clip=clip_of(fate),
        facts=fate.facts,
        holds=tuple(holds),
        disposal=disposal,
        since=fate.intended_at if disposal is Disposal.INTENDED else None,
        decided=msgspec.convert(fate.intent, Decided) if fate.intent else None,
    )


def explain(
    clip_id: str,
    past: Past | None,
    policy: Policy | None,
    at: datetime,
    *,
    restricted: bool,
    named: Named = True,
    waits: str | None = None,
) -> Explanation:
    """Say why the clip is where it is.

    Args:
        waits: what it waits for in the bin, as the sweep saw it last.
        past: None before the clip was registered.
        policy: in force at that moment, if any.
        restricted: whether the reader may know of restricted holds.
        named: whether they may know of others, or the reasons of those of which they may; each other one reads as a
            restricted one does, and all of these together as one.
    """
    zone = policy.zone.key if policy else "UTC"
    if past is None:
        return Explanation(clip_id, at, State.UNKNOWN, f"nobody had declared this clip by {both(at, zone)}", zone)
    shown = tuple(
        msgspec.structs.replace(hold, restricted=not _may_know(hold, restricted=restricted, named=named))
        for hold in past.holds
    )
    if past.disposal in FINAL:
        return _gone(past, policy, at, zone)
    holds = tuple(dict.fromkeys(_shown(hold) for hold in shown))
    base = Explanation(clip_id, at, State.KEPT, WITHOUT_POLICY, zone, holds=holds, notes=past.unknown)
    if policy is None:
        return msgspec.structs.replace(base, **_given(past.facts, None))
    base = msgspec.structs.replace(base, policy=policy.version, policy_name=policy.name)
    if past.clip is None or past.unknown:
        return msgspec.structs.replace(base, **_undecidable(past, zone))
    decision = decide(past.clip, past.facts, shown, policy, at)
    plan = decision.plan
    in_bin = past.disposal is Disposal.INTENDED
    return msgspec.structs.replace(
        base,
        state=State.BIN if in_bin else State.KEPT,
        says=_in_the_bin(past, zone, waits) if in_bin else _kept(decision, zone),
        reasons=tuple(dict.fromkeys(decision.reasons)),
        rule=plan.rule,
        plan=plan,
        **{"category": plan.category, **_given(past.facts, plan.category)},
    )


def both(moment: datetime, zone: str) -> str:
    """A moment in local time and in UTC."""
    local = moment.astimezone(ZoneInfo(zone))
    utc = "" if zone == "UTC" else f" ({moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z)"
    return f"{local:%d %b %Y %H:%M:%S %Z}{utc}"


def _kept(decision: Decision, zone: str) -> str:
    plan = decision.plan
    if plan.held:
        return "kept: a hold stands, whatever its period says"
    if isinstance(decision, Review):
        return "kept: its period is over and a person decides (bwv reviews decide)"
    if isinstance(decision, Expire):
        return "kept until now: its time has come, and the next sweep puts it into the bin"
    if plan.outcome is Outcome.REVIEW and plan.review_from:
        return f"kept: a person decides from {both(plan.review_from, zone)}"
    if plan.outcome is Outcome.EXPIRE and plan.intend_from and plan.ends_at:
        return f"kept: into the bin on {both(plan.intend_from, zone)}, gone by {both(plan.ends_at, zone)}"
    return "kept: it never goes by itself"


def _in_the_bin(past: Past, zone: str, waits: str | None = None) -> str:
    since = f" since {both(past.since, zone)}" if past.since else ""
    until = past.decided.dispose_from if past.decided else None
    not_before = f"; nothing is deleted before {both(datetime.fromisoformat(until), zone)}" if until else ""
    waiting = f"; {waits}" if waits else ""
    return f"in the bin{since}{not_before}{waiting} (bwv retention restore takes it out)"


def _gone(past: Past, policy: Policy | None, at: datetime, zone: str) -> Explanation:
    """What the disposal itself says; it stays when everything else goes."""
    since = f" on {both(past.since, zone)}" if past.since else ""
    gone = past.disposal is Disposal.DONE
    says = f"deleted{since}" if gone else f"being deleted: decided for good{since}"
    base = Explanation(
        past.clip_id, at, State.GONE if gone else State.LEAVING, says, zone, certificate=past.certificate
    )
    if gone and past.certificate is None:
        base = msgspec.structs.replace(base, notes=("its certificate is not in the custody log",))
    decided = past.decided
    if decided is None:
        return base
    statement = statement_of(past.certificate)
    return msgspec.structs.replace(
        base,
        says=f"{says}: rule {decided.rule} of policy {decided.policy} ended the period of category {decided.category}",
        reasons=tuple(Reason(text, decided.rule, "") for text in (statement or decided).reasons),
        policy=decided.policy,
        policy_name=policy.name if policy and policy.version == decided.policy else None,
        rule=decided.rule,
        **{"category": decided.category, **_given(past.facts, decided.category)},
    )


def statement_of(certificate: Signed | None) -> Disposed | None:
    """What a certificate of disposal states; its signature is checked by whoever relies on it."""
    return msgspec.json.decode(certificate.body, type=Disposed) if certificate else None


def _undecidable(past: Past, zone: str) -> dict[str, object]:
    """What can be said where a payload that a decision needs is gone: it was kept, and what people had given it."""
    told: dict[str, object] = dict(_given(past.facts, None))
    in_bin = past.disposal is Disposal.INTENDED and past.decided is not None
    if in_bin and past.decided is not None:
        decided = past.decided
        reasons = tuple(Reason(text, decided.rule, "") for text in decided.reasons)
        return told | {"state": State.BIN, "says": _in_the_bin(past, zone), "reasons": reasons,
                       "category": decided.category, "rule": decided.rule}  # fmt: skip
    return told | {
        "says": "kept; its dates as they stood cannot be computed again, since part of it went with the clip"
    }


def _given(facts: Sequence[Fact], category: str | None) -> dict[str, object]:
    """Who gave the category that counts, or the newest one where it is not known which counted."""
    given = [fact for fact in facts if isinstance(fact, Categorised) and category in (None, fact.category)]
    if not given:
        return {}
    return {"given_by": given[-1].by, "given_at": given[-1].at, "category": given[-1].category}


def _may_know(hold: Hold, *, restricted: bool, named: Named) -> bool:
    told = named if isinstance(named, bool) else hold.reason in named
    return told and (restricted or not hold.restricted)


def _shown(hold: Hold) -> HoldShown:
    if hold.restricted:
        return HoldShown(BY_THE_FORCE)
    return HoldShown(f"held for {hold.reason.value}", hold.hold_id or None, hold.reason.value, hold.at, hold.by)
