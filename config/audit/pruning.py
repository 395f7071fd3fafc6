"""Deleting the oldest part of the trail so that the rest can still be verified."""

from datetime import datetime

from django.db import transaction
from django.db.models import Min

from config.audit.events import Event
from config.audit.models import AuditEvent, AuditLane
from config.audit.seals import is_genuine, is_sealed
from config.audit.trail import Act, append


class Broken(Exception):
    """This lane is not as Roster sealed it; sealing it anew would hide that."""


@transaction.atomic
def prune_lane(number: int, *, before: datetime, is_trial: bool) -> int:
    """Delete the events of a lane up to the first that is not older; return how many.

    The lane's row then says where it begins, and one event of it what was deleted. Nothing is
    deleted in a trial. Raises `Broken`.
    """
    lane = AuditLane.objects.select_for_update().get(pk=number)
    events = AuditEvent.objects.filter(lane=number)
    kept = events.filter(at__gte=before).aggregate(first=Min("number"))["first"]
    end = lane.length if kept is None else min(kept - 1, lane.length)
    if not is_sealed(lane):
        raise Broken
    if end <= lane.base_number:
        return 0
    last = events.filter(number=end).first()
    if last is None or not is_genuine(last):
        raise Broken
    pruned = events.filter(number__lte=end)
    count = pruned.count()
    if is_trial:
        return count
    lane.base_number, lane.base_mac = end, last.mac
    details = {"before": before, "lane": number, "number": end, "events": count}
    append(lane, [Act(Event.AUDIT_PRUNED, details=details)])
    # After the lane's row: a trigger refuses to delete what that does not say is pruned.
    pruned.delete()
    return count
