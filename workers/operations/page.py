"""The statement as one page to print and sign: a single file that needs nothing else, readable in grey."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from string import Template

import msgspec

from workers.footage.canonical import sha256_hex
from workers.keys.signing import Signed
from workers.operations.statement import Amount, Difference, Reconciliation

TEMPLATE = Path(__file__).with_name("page.html")

WORDS = {
    "stored": "in the vault, read back in full",
    "quarantined": "in quarantine, with a reason",
    "disposed": "disposed of, with a certificate",
    "on_camera": "on the camera",
    "rejected": "on the camera, report rejected",
    "damaged": "in the vault, damaged",
    "unexplained": "nobody can say where",
}
"""Standing → what it means."""


def page(signed: Signed, file: str) -> str:
    """The page of a signed statement.

    Args:
        file: name of the file that holds `signed`, beside the page.
    """
    it = msgspec.json.decode(signed.body, type=Reconciliation)
    adds_up = it.unexplained == 0
    values = {
        "period": it.day or "every day",
        "dock": it.dock or "every dock",
        "stated": _moment(it.stated_at),
        "by": it.by,
        "namespace": it.namespace,
        "store": it.store,
        "looked": _looked(it),
        "sentence": it.sentence,
        "verdict_class": "yes" if adds_up else "no",
        "key": signed.key,
        "signature": signed.signature,
        "digest": sha256_hex(signed.body.encode()),
        "file": file,
        "custody": _custody(it),
    }
    filled = {name: escape(value) for name, value in values.items()}
    count = "difference has" if it.unexplained == 1 else "differences have"
    filled["verdict"] = "It adds up." if adds_up else f"It does not add up: {it.unexplained:,} {count} a name below."
    filled["sums"] = _sums(it)
    filled["lines"] = _lines(it)
    filled["differences"] = _differences(it)
    filled["in_flight"] = _in_flight(it)
    filled["quarantined"] = _quarantined(it)
    filled["checkpoint"] = f"<pre>{escape(it.custody.checkpoint)}</pre>" if it.custody.checkpoint else ""
    return Template(TEMPLATE.read_text()).substitute(filled)


def _moment(text: str) -> str:
    moment = datetime.fromisoformat(text)
    return f"{moment.astimezone():%d %B %Y, %H:%M:%S %Z} ({moment:%Y-%m-%d %H:%M:%S}Z)"


def _looked(it: Reconciliation) -> str:
    parts = [f"{it.looked.objects:,} object versions"]
    parts.append("each with its lock and manifest" if it.looked.heads else "as listed; locks not asked for")
    parts.append("receipts, events and custody entries" if it.looked.proofs else "without receipts and events")
    parts.append("the whole vault listed" if it.looked.strays else "under the prefixes of these clips")
    return f"{'; '.join(parts)}; {it.looked.seconds:.1f} s"


def _custody(it: Reconciliation) -> str:
    root = f" Its tree's root: {it.custody.root}." if it.custody.root else ""
    sealed = " Newest sealed checkpoint:" if it.custody.checkpoint else " Not sealed yet."
    return f"The log had {it.custody.size:,} entries.{root}{sealed}"


def _row(cells: Sequence[str], *, tag: str = "td", numbers: int = 2) -> str:
    """Cells of text, the last `numbers` of them set as numbers; the first names its row."""
    made = []
    for place, cell in enumerate(cells):
        css = ' class="n"' if place >= len(cells) - numbers else ""
        if place == 0 and tag == "td":
            made.append(f'<th scope="row"{css}>{escape(cell)}</th>')
        else:
            scope = ' scope="col"' if tag == "th" else ""
            made.append(f"<{tag}{scope}{css}>{escape(cell)}</{tag}>")
    return f"<tr>{''.join(made)}</tr>"


def _table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: int, foot: str = "") -> str:
    body = "\n".join(_row(row, numbers=numbers) for row in rows)
    return (
        f"<table><caption>{escape(caption)}</caption>\n<thead>{_row(head, tag='th', numbers=numbers)}</thead>\n"
        f"<tbody>\n{body}\n</tbody>\n{foot}</table>"
    )


def _numbers(amount: Amount) -> tuple[str, str]:
    return f"{amount.files:,}", f"{amount.bytes:,}"


def _sums(it: Reconciliation) -> str:
    rows = [
        ("declared in signed inventories", *_numbers(it.declared)),
        ("of those, stored in the vault", *_numbers(it.stored)),
        ("of those, verified by reading back", *_numbers(it.verified)),
        ("of those, wiped from the camera", *_numbers(it.wiped)),
    ]
    return _table("Sums", ("recordings", "files", "bytes"), rows, numbers=2)


def _lines(it: Reconciliation) -> str:
    rows = [(line.dock, WORDS.get(line.standing, line.standing), f"{line.files:,}", f"{line.bytes:,}")
            for line in it.lines]  # fmt: skip
    total = (sum(line.files for line in it.lines), sum(line.bytes for line in it.lines))
    foot = f"<tfoot>{_row(('all docks', 'declared', f'{total[0]:,}', f'{total[1]:,}'))}</tfoot>\n"
    caption = "Each declared recording once, by the dock that listed it first; bytes as declared"
    return _table(caption, ("dock", "standing", "files", "bytes"), rows, numbers=2, foot=foot)


def _differences(it: Reconciliation) -> str:
    if not it.unexplained:
        return "<p>None.</p>"
    kinds: dict[str, list[Difference]] = {}
    for found in it.differences:
        kinds.setdefault(found.kind, []).append(found)
    parts = [_of_kind(kind, members) for kind, members in kinds.items()]
    if it.unexplained > len(it.differences):
        more = it.unexplained - len(it.differences)
        parts.append(f"<p>{more:,} more are in the report that <code>bwv reconcile --json</code> prints.</p>")
    return "\n".join(parts)


def _of_kind(kind: str, members: Sequence[Difference]) -> str:
    """All differences of one kind: cause and remedy once, then each with what was found."""
    first = members[0]
    facts = (("Expected", first.expected), ("Likely cause", first.cause), ("What to do", first.action))
    listed = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    rows = [(member.subject, member.found) for member in members]
    table = _table(f"{kind.capitalize()}: each by name", ("about", "found"), rows, numbers=0)
    return (
        f'<section class="difference"><h3>{escape(kind.capitalize())}: {len(members):,}</h3>'
        f'<dl class="facts">{listed}</dl>{table}</section>'
    )


def _in_flight(it: Reconciliation) -> str:
    if not it.in_flight:
        return ""
    items = "".join(f"<li>{escape(text)}</li>" for text in it.in_flight)
    return (
        f"<h3>In flight</h3><p>Moved while it was looked at; the next reconciliation looks again.</p><ul>{items}</ul>"
    )


def _quarantined(it: Reconciliation) -> str:
    if not it.quarantined:
        return "<p>None.</p>"
    rows = [(apart.clip_id, f"{apart.camera} {apart.recording}", apart.reason) for apart in it.quarantined]
    table = _table("Recordings whose bytes are not those declared", ("clip", "recording", "reason"), rows, numbers=0)
    more = sum(line.files for line in it.lines if line.standing == "quarantined") - len(rows)
    return table + (f"<p>{more:,} more: <code>bwv quarantine list</code> has all of them.</p>" if more > 0 else "")
