"""The ends of all lanes on file elsewhere: against an older state of the whole trail put back."""

import json
from typing import Any

from config.audit.models import AuditEvent, AuditLane
from config.audit.seals import is_genuine, is_sealed


def write_heads() -> str:
    """Return the text to keep: how long each lane is and the mac of its last event."""
    lanes = AuditLane.objects.order_by("number")
    return json.dumps({lane.number: [lane.length, lane.head] for lane in lanes if is_sealed(lane)})


def read_heads(text: str) -> dict[int, tuple[int, str]]:
    """Return what `write_heads` wrote; raise `ValueError` for anything else."""
    match json.loads(text):
        case dict(found):
            return {int(number): _head(pair) for number, pair in found.items()}
    raise ValueError("no object")


def _head(pair: Any) -> tuple[int, str]:
    match pair:
        case [int(length), str(mac)]:
            return length, mac
    raise ValueError("no pair")


def lost_heads(heads: dict[int, tuple[int, str]]) -> list[str]:
    """Return a line for each lane that no longer has the event it ended with."""
    return [
        f"lane {number}: number {length}, on file, is no longer in the trail or is another event"
        for number, (length, mac) in heads.items()
        if length and not _has(number, length, mac)
    ]


def _has(number: int, length: int, mac: str) -> bool:
    event = AuditEvent.objects.filter(lane=number, number=length).first()
    if event is not None:
        return event.mac == mac and is_genuine(event)
    # Asked after the event, which goes together with the lane's row saying so.
    lane = AuditLane.objects.filter(pk=number).first()
    if lane is None or not is_sealed(lane):
        return False
    return lane.base_number > length or (lane.base_number, lane.base_mac) == (length, mac)
