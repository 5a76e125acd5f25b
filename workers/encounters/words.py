"""The words of a record: PACE Code A for searches, the Home Office's collection for the use of force.

Codes that are published stay as they are published (data.police.uk, the 16+1 classification of ethnicity), so that a
force's own system needs no table of ours.
"""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What the record is of."""

    STOP_SEARCH = "stop_search"
    STOP_ACCOUNT = "stop_account"
    USE_OF_FORCE = "use_of_force"


class Role(StrEnum):
    """What an officer did there."""

    LEAD = "lead"
    """Searched, spoke or used force; the officer of Code A 4.3 (v)."""
    PRESENT = "present"


class Power(StrEnum):
    """Under which power it was searched (Code A, Annex A)."""

    PACE_S1 = "pace_s1"
    MDA_S23 = "mda_s23"
    FIREARMS_S47 = "firearms_s47"
    CJPOA_S60 = "cjpoa_s60"
    TERRORISM_S43 = "terrorism_s43"
    TERRORISM_S47A = "terrorism_s47a"
    PSYCHOACTIVE_S36 = "psychoactive_s36"
    PUBLIC_ORDER_S10 = "public_order_s10"
    PUBLIC_ORDER_S11 = "public_order_s11"
    SVRO_S342E = "svro_s342e"
    OTHER = "other"


WITHOUT_SUSPICION = (Power.CJPOA_S60, Power.TERRORISM_S47A, Power.PUBLIC_ORDER_S11)
"""Powers that need no suspicion and so an authorisation, which the record names (Code A 4.3 (iv))."""


class Sought(StrEnum):
    """The object of the search: for what there is a power to search (Code A 4.3 (iii))."""

    DRUGS = "drugs"
    STOLEN_PROPERTY = "stolen_property"
    OFFENSIVE_WEAPONS = "offensive_weapons"
    FIREARMS = "firearms"
    GOING_EQUIPPED = "articles_for_theft"
    CRIMINAL_DAMAGE = "articles_for_criminal_damage"
    FIREWORKS = "fireworks"
    TERRORISM = "evidence_of_terrorism"
    PROTEST = "prohibited_articles_for_protest"
    OTHER = "other"


class Ethnicity(StrEnum):
    """As the person defines it (16+1); NS: not stated."""

    W1 = "W1"
    W2 = "W2"
    W3 = "W3"
    W9 = "W9"
    M1 = "M1"
    M2 = "M2"
    M3 = "M3"
    M9 = "M9"
    A1 = "A1"
    A2 = "A2"
    A3 = "A3"
    A4 = "A4"
    A9 = "A9"
    B1 = "B1"
    B2 = "B2"
    B9 = "B9"
    O9 = "O9"
    NS = "NS"


class Perceived(StrEnum):
    """As the officer perceived it, where that differs (Code A 4.3 (i))."""

    WHITE = "white"
    BLACK = "black"
    ASIAN = "asian"
    MIXED = "mixed"
    OTHER = "other"


class AgeBand(StrEnum):
    """Years."""

    UNDER_10 = "under_10"
    TO_17 = "10_17"
    TO_24 = "18_24"
    TO_34 = "25_34"
    OVER_34 = "over_34"
    UNKNOWN = "unknown"


class Gender(StrEnum):
    """As the person is recorded."""

    MALE = "male"
    FEMALE = "female"
    OTHER = "other"
    NOT_STATED = "not_stated"


class Outcome(StrEnum):
    """What followed at once."""

    NONE = "no_further_action"
    ARREST = "arrest"
    SUMMONS = "summons"
    CAUTION = "caution"
    PENALTY = "penalty_notice"
    WARNING = "drugs_warning"
    RESOLUTION = "community_resolution"
    VOLUNTARY = "voluntary_attendance"
    HOSPITAL = "hospital"
    OTHER = "other"


class Tactic(StrEnum):
    """How force was used (Home Office annual data requirement)."""

    COMMUNICATION = "tactical_communication"
    CUFFS_COMPLIANT = "handcuffs_compliant"
    CUFFS = "handcuffs_not_compliant"
    UNARMED = "unarmed_skills"
    GROUND = "ground_restraint"
    LIMBS = "limb_or_body_restraints"
    SPIT_GUARD = "spit_and_bite_guard"
    BATON_DRAWN = "baton_drawn"
    BATON_USED = "baton_used"
    SPRAY_DRAWN = "irritant_drawn"
    SPRAY_USED = "irritant_used"
    SHIELD = "shield"
    DOG = "dog_deployed"
    DOG_BITE = "dog_bite"
    CED = "ced"
    AEP_AIMED = "aep_aimed"
    AEP_FIRED = "aep_fired"
    FIREARM_AIMED = "firearm_aimed"
    FIREARM_FIRED = "firearm_fired"
    OTHER = "other"


class Ced(StrEnum):
    """What was done with a conducted energy device (Taser), in the order of gravity of the published figures."""

    DRAWN = "drawn"
    AIMED = "aimed"
    ARCED = "arced"
    RED_DOTTED = "red_dotted"
    DRIVE_STUN = "drive_stun"
    ANGLED_DRIVE_STUN = "angled_drive_stun"
    FIRED = "fired"


class GapKind(StrEnum):
    """What of an encounter the clips of an officer do not show."""

    NONE = "none"
    """There is no clip."""
    LATE = "late"
    """The first clip begins after the encounter."""
    EARLY = "early"
    """The clips end, or pause, before the encounter does."""
    MUTED = "muted"
    """It is seen and not heard."""
    UNMATCHED = "unmatched"
    """A clip says that it shows an encounter, and there is no record of one."""
