"""Prepares a submission once everything that goes is there: its manifest, or what it waits for, or why it cannot be.

Everything is looked at in the transaction that decides, so that no exhibit is withdrawn and no clip disposed of between
the look and the manifest.
"""

from __future__ import annotations

from collections.abc import Mapping

from workers.database.engine import Connection
from workers.errors import Refused
from workers.fate.row import Fate
from workers.prosecution.cases.case import Case
from workers.prosecution.cases.rows import find_case
from workers.prosecution.derivatives.rows import Derivative
from workers.prosecution.statements import OrderedItem, SubmissionOrder
from workers.prosecution.submission.check import check_order, exhibits_of, today
from workers.prosecution.submission.files import derived, fates, file_of, mme_of, signed_for
from workers.prosecution.submission.manifest import FORMAT, Manifest, ManifestCase, ManifestItem
from workers.prosecution.submission.mme import Mme, not_recorded


async def case_of(connection: Connection, order: SubmissionOrder) -> Case:
    """The case of an order, unchanged until the transaction ends; raises Refused if there is none."""
    case = await find_case(connection, order.case_id, lock=True)
    if case is None:
        raise Refused(f"there is no case {order.urn} ({order.case_id})", "open it with: bwv case open")
    return case


async def outstanding(connection: Connection, order: SubmissionOrder) -> list[str]:
    """References of the exhibits for which something is still to be made; what cannot be made is no longer awaited."""
    made = await derived(connection, order.items)
    return [item.reference for item in order.items if item.derivative_id is not None and item.derivative_id not in made]


async def manifest_for(
    connection: Connection, namespace: str, case: Case, order: SubmissionOrder, *, link: str | None
) -> Manifest:
    """The manifest of an order whose files are all there.

    Raises:
        Refused: it may not be carried out any more.
    """
    await check_order(connection, namespace, case, order, today())
    clips = await fates(connection, [item.clip_id for item in order.items])
    made = await derived(connection, order.items)
    items = tuple(_item(namespace, case, n, item, clips, made) for n, item in enumerate(order.items, start=1))
    return Manifest(
        format=FORMAT,
        submission_id=order.submission_id,
        namespace=namespace,
        case=ManifestCase(case.case_id, case.urn, case.kind.value, case.title, case.officer),
        purpose=order.purpose.value,
        purpose_item=order.purpose_item,
        recipient=order.recipient.value,
        items=items,
        mme=not_recorded(order.not_recorded) if order.not_recorded else Mme(status="recorded"),
        link=link,
        ordered_by=order.by,
        ordered_at=order.at,
    )


def _item(
    namespace: str,
    case: Case,
    n: int,
    item: OrderedItem,
    clips: Mapping[str, Fate],
    made: Mapping[str, Derivative],
) -> ManifestItem:
    fate = clips[item.clip_id]
    file = file_of(namespace, item, fate, made)
    [exhibit] = exhibits_of(case, [item.reference])
    return ManifestItem(
        n=n,
        reference=exhibit.reference,
        clip_id=item.clip_id,
        derivative_id=item.derivative_id,
        kind=file.kind,
        sha256=file.sha256,
        size=file.size,
        media_type=file.media_type,
        parent_sha256=signed_for(fate)[1],
        version_id=file.version_id,
        key=file.key,
        description=exhibit.description,
        producer=exhibit.producer,
        start=exhibit.start,
        end=exhibit.end,
        mme=mme_of(fate),
    )
