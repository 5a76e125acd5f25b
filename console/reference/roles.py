"""Who may use which page of the board, for people (roles.md): from the table that the guard asks."""

from __future__ import annotations

from console.reference.pages import first_sentence, page, table
from console.web.app import PAGES
from console.web.guard import FACTS, FOOTAGE, Page
from console.web.people import Role


def roles_page() -> str:
    """A row for each page, a column for each role."""
    rows = [
        (_called(one), first_sentence(one.answer), *("yes" if _open(one, role) else "" for role in Role))
        for one in sorted(PAGES, key=lambda one: (one.path, one.methods))
    ]
    head = ("page", "what it is", *(role.replace("-", " ") for role in Role))
    return page(
        "Who may use which page",
        "Whoever is not signed in may use the sign-in page and the style sheets. A page without a role is nobody's. "
        "Somebody with several roles may use what any of them may. What programs ask, `/api/`, has the same rule.",
        table(head, rows),
        "A page is not yet a clip. A clip is open to its officer, and to whoever has a case or a clip of its incident; "
        f"its record, without footage, to {_list(FACTS)}, since that is their work; to {_list(FOOTAGE - FACTS)} with a "
        "typed reason, which supervisors, professional standards and auditors read. Where people were named for a "
        "clip, or its category is for named people, its footage is open to them alone.",
    )


def _called(one: Page) -> str:
    verbs = "" if one.methods == ("GET",) else f"{', '.join(one.methods)} "
    return f"{verbs}`{one.path}`"


def _open(one: Page, role: Role) -> bool:
    return one.public or role in one.roles


def _list(roles: frozenset[Role]) -> str:
    return ", ".join(role.replace("-", " ") for role in Role if role in roles)
