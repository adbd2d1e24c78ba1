"""The sweep, every half a minute: what time alone brings about must not wait for a broker, a queue or a worker.

It runs in a thread of every relay, and of the embedded run. Twice at once does no harm: what one sweep has given out,
the next does not find. When it last succeeded is written down for /readyz.
"""

import threading

from django.utils import timezone

from triage.relay import repeat
from triage.services import bring_forward

from . import heartbeats, services

PAUSE_SECONDS = 30.0


def run(stop: threading.Event) -> None:
    """Sweep until told to stop."""
    repeat(
        sweep,
        pause=PAUSE_SECONDS,
        stop=stop,
        failing="The sweep fails: %s",
        recovered="The sweep succeeds again.",
    )


def sweep() -> None:
    """Sweep once."""
    bring_forward()
    services.sweep(now=timezone.now())
    heartbeats.beat(heartbeats.SWEEP)
