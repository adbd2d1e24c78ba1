"""Celery's scheduler of what is asked for from time to time, for clocks that are set right while it runs."""

from celery import beat


class Scheduler(beat.Scheduler):
    """Keeps what it knows in memory: one that starts again asks again, and asking twice does no harm."""

    def tick(self, *args, **kwargs):
        """Run what is due. What was last run in the future counts as run just now: the clock was set back since."""
        now = self.app.now()
        for entry in self.schedule.values():
            if entry.last_run_at > now:
                entry.last_run_at = now
                # It is ordered by times that lie in the future as well.
                self._heap = None
        return super().tick(*args, **kwargs)
