"""Reading an inquiry: from its text to exactly one insight."""

import random
from collections.abc import Callable

from leads.models import Inquiry
from leads.services import own_transaction
from triage.analyzers.base import Analyzer, Reading, TooSoon, UnreadableError
from triage.models import Insight, Job

from .acting import act_on
from .asking import ask
from .budget import wait_for_turn
from .jobs import Claim, JobFailed, LeaseLost, claim_job, end_job, in_words, put_off


def read_inquiry(job_id: int, *, analyzer: Analyzer, rng: Callable[[], float] = random.random) -> Insight | None:
    """Do one job: claim it, read the text outside any transaction, and write the insight and the job's end together.

    Gives None when there is nothing to do: the job is done, held by another, not yet due, or gone. Rung twice, it is
    done once. A reading that fails is put off or, after MAX_ATTEMPTS, given up with a sentence; a defect of the
    analyzer is raised again after that, so that it is logged.
    """
    claim = claim_job(job_id)
    if claim is None:
        return None
    try:
        heard = ask(claim, analyzer=analyzer)
        return finish_reading(claim, heard.reading, analyzer=heard.analyzer, note=heard.note, rng=rng)
    except (LeaseLost, Inquiry.DoesNotExist):
        return None
    except TooSoon as error:
        wait_for_turn(claim, seconds=error.seconds)
        return None
    except UnreadableError as error:
        put_off(claim, failure=in_words(JobFailed(error)), rng=rng)
        return None
    except Exception as error:
        put_off(claim, failure=in_words(error), rng=rng)
        raise


@own_transaction
def finish_reading(
    claim: Claim, reading: Reading, *, analyzer: Analyzer, note: str = "", rng: Callable[[], float] = random.random
) -> Insight:
    """Write the insight, what follows from it and the job's end, all or nothing. Raises LeaseLost.

    ``analyzer`` is the one that really read; ``note`` says how that came about, where it is out of the ordinary.
    """
    end_job(claim)
    now = Job.objects.values_list("done_at", flat=True).get(pk=claim.job_id)
    insight = Insight.objects.create(
        job_id=claim.job_id,
        inquiry_id=claim.inquiry_id,
        intent=reading.intent,
        priority=reading.priority,
        next_action=reading.next_action,
        confidence=reading.confidence,
        tags=list(reading.tags),
        evidence=[words.as_dict() for words in reading.evidence],
        analyzer=analyzer.name,
        version=analyzer.version,
        note=note,
        content_hash=claim.content_hash,
        created_at=now,
    )
    act_on(insight, now=now, rng=rng)
    return insight
