"""The analyzer that asks a language model behind any OpenAI-compatible endpoint."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from .answers import reading_of
from .base import Analyzer, Context, Reading, Unavailable
from .breaker import Breaker
from .masking import Masked, mask
from .prompt import SCHEMA, harmless, messages_for, prompt_version
from .repeats import in_context
from .wire import Answer, Wire, content_of

logger = logging.getLogger(__name__)

#: For one reading with all its attempts and pauses. A worker may read two inquiries within the 45 s of its soft limit.
SECONDS = 15.0
ATTEMPTS = 3
#: One attempt may take so much of the whole, which leaves time for another.
ATTEMPT_SHARE = 2 / 3
#: Less time than this is not worth another request.
WORTHWHILE_SECONDS = 1.0
PAUSE_SECONDS = 0.5

NO_CONTEXT = Context()

#: A request that failed so may succeed when it is made again.
_PASSING = {408: "timeout", 425: "server_error", 429: "rate_limited"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """What this server and this model are known to accept."""

    has_schema: bool = True
    has_temperature: bool = True

    def plainer(self, refusal: bytes) -> Dialect | None:
        """The dialect to try after a request was refused with these words; None when nothing is left to leave out."""
        if self.has_temperature and b"temperature" in refusal:
            return replace(self, has_temperature=False)
        return replace(self, has_schema=False) if self.has_schema else None

    def options(self) -> dict:
        form: dict = {"type": "json_object"}
        if self.has_schema:
            form = {"type": "json_schema", "json_schema": {"name": "insight", "strict": True, "schema": SCHEMA}}
        return {"response_format": form} | ({"temperature": 0} if self.has_temperature else {})


#: It was this request that was not liked, its options or its text; another may be.
_REFUSALS_OF_THIS = (400, 413, 422)


class _Failed(Exception):
    """One request failed. It may be made again after a pause, unless ``is_final``."""

    def __init__(self, reason: str, *, is_final: bool = False, retry_after: float | None = None):
        super().__init__(reason)
        self.reason, self.is_final, self.retry_after = reason, is_final, retry_after


class OpenAIAnalyzer:
    """Built once a process; threads share it and its breaker. It logs nothing of texts, answers or the key."""

    name = "openai"

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        model: str,
        offline: Callable[[], Analyzer],
        sends_private: bool = False,
        seconds: float = SECONDS,
        breaker: Breaker | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ):
        """``offline`` gives the house's own reader of now; ``sends_private`` lets names and contacts leave."""
        self.version = f"{model}/{prompt_version(is_masked=not sends_private)}"
        self._model = model
        self._wire = Wire(url=f"{base_url.rstrip('/')}/chat/completions", key=api_key)
        self._offline = offline
        self._sends_private = sends_private
        self._seconds = seconds
        self._breaker = breaker or Breaker()
        self._clock, self._sleep, self._jitter = clock, sleep, jitter
        self._dialect = Dialect()

    def read(self, text: str, context: Context = NO_CONTEXT) -> Reading:
        """Read one message. Raises Unavailable with one of STAND_IN_REASONS, and what ``context.spend`` raises."""
        if not text.strip():
            raise Unavailable("empty")
        masked = Masked(text) if self._sends_private else mask(text, context.lead_name)
        answer = self._ask(masked.text, context.spend)
        offline = self._offline().read(text)
        # A quote is looked for in what the model was shown.
        shown = replace(masked, text=harmless(masked.text))
        return in_context(reading_of(answer, text=text, masked=shown, offline=offline), context)

    def _ask(self, text: str, spend: Callable[[], None]) -> str:
        """The model's answer, after a few attempts where the server stumbles."""
        turns = messages_for(text)
        deadline = self._clock() + self._seconds
        attempt = 1
        while True:
            try:
                return self._try(turns, spend, seconds=min(deadline - self._clock(), self._seconds * ATTEMPT_SHARE))
            except _Failed as failed:
                pause = self._pause(attempt, failed.retry_after)
                is_late = self._clock() + pause + WORTHWHILE_SECONDS > deadline
                is_resting = self._breaker.state(self._clock()) == "open"
                if failed.is_final or is_late or is_resting or attempt >= ATTEMPTS:
                    raise Unavailable(failed.reason) from None
            self._sleep(pause)
            attempt += 1

    def _pause(self, attempt: int, retry_after: float | None) -> float:
        """Seconds before the next attempt: doubling, ± 50 %, and never shorter than the server asked for."""
        return max(retry_after or 0.0, PAUSE_SECONDS * 2 ** (attempt - 1) * (0.5 + self._jitter()))

    def _try(self, turns: list[dict], spend: Callable[[], None], *, seconds: float) -> str:
        """One request, or several where the server must first be found to know fewer options. Raises _Failed."""
        until = self._clock() + seconds
        dialect = self._dialect
        while True:
            answer = self._post(turns, dialect, spend, seconds=until - self._clock())
            plainer = dialect.plainer(answer.body) if answer.status in _REFUSALS_OF_THIS else None
            if plainer is None:
                words = self._judge(answer)
                self._dialect = dialect
                return words
            # It did answer: a trial after a rest must not end here.
            self._succeed()
            dialect = plainer

    def _post(self, turns: list[dict], dialect: Dialect, spend: Callable[[], None], *, seconds: float) -> Answer:
        if self._breaker.state(self._clock()) == "open":
            raise _Failed("resting", is_final=True)
        spend()
        if not self._breaker.may_pass(self._clock()):
            raise _Failed("resting", is_final=True)
        body = {"model": self._model, "messages": turns, **dialect.options()}
        try:
            return self._wire.post(body, seconds=max(seconds, WORTHWHILE_SECONDS))
        except Unavailable as error:
            self._fail(str(error))
            raise _Failed(str(error)) from None
        except BaseException as error:
            # The worker's time limit, for one: a trial must always report back.
            self._fail(type(error).__name__)
            raise

    def _judge(self, answer: Answer) -> str:
        """The words of a good answer, with the breaker told. Raises _Failed."""
        try:
            words = _words_of(answer)
        except _Failed as failed:
            if answer.status in _REFUSALS_OF_THIS:
                self._succeed()
            else:
                self._fail(failed.reason)
            raise
        self._succeed()
        return words

    def _fail(self, reason: str) -> None:
        if self._breaker.fail(self._clock()):
            logger.warning("The language model fails again and again (%s): the offline reader reads for now.", reason)

    def _succeed(self) -> None:
        if self._breaker.succeed():
            logger.warning("The language model answers again.")


def _words_of(answer: Answer) -> str:
    if answer.status == 200:
        try:
            return content_of(answer.body)
        except Unavailable as error:
            raise _Failed(str(error)) from None
    if answer.status >= 500 or answer.status in _PASSING:
        raise _Failed(_PASSING.get(answer.status, "server_error"), retry_after=answer.retry_after)
    raise _Failed("refused", is_final=True)
