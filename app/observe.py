"""What the service says about itself: one function per thing worth telling, log and metric inside.

Lines are JSON on stderr. Facts are ids, codes, counts and durations; never a signature, a key, a
signed limit or a body.
"""

import logging
import sys

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from solver.domain.errors import SolventError

REGISTRY = CollectorRegistry()
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_log = structlog.get_logger()

_requests = Histogram(
    "solvent_request_seconds",
    "Time to answer a request",
    ("method", "route", "status"),
    buckets=_SECONDS,
    registry=REGISTRY,
)
_intents = Counter(
    "solvent_intents_total", "Submitted intents by outcome kind and answer",
    ("outcome", "answer"), registry=REGISTRY,
)  # fmt: skip
_quotes = Histogram(
    "solvent_quote_seconds", "Time to plan a quote", buckets=_SECONDS, registry=REGISTRY
)
_rounds = Counter("solvent_rounds_failed_total", "Auction rounds that failed", registry=REGISTRY)
_streams = Gauge("solvent_streams", "Open stream connections", registry=REGISTRY)
_closed = Counter(
    "solvent_streams_closed_total", "Closed stream connections", ("code",), registry=REGISTRY
)
_failures = Counter(
    "solvent_failures_total", "Failures by the part that failed", ("part",), registry=REGISTRY
)


def configure(level: str) -> None:
    """Sends JSON lines of `level` and above to stderr."""
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def metrics() -> bytes:
    """Returns every metric in the Prometheus text format."""
    return generate_latest(REGISTRY)


def request_served(method: str, route: str, status: int, seconds: float) -> None:
    """A request was answered; `route` is the path's template, so that metrics stay few."""
    _requests.labels(method, route, str(status)).observe(seconds)


def request_failed(request_id: str, route: str, error: BaseException) -> None:
    """A request met a defect of ours."""
    _failures.labels("request").inc()
    _log.error("requestFailed", requestId=request_id, route=route, error=repr(error))


def intent_accepted(outcome: str, *, is_new: bool) -> None:
    """A signed intent is durable, or was already. The event log has the rest."""
    _intents.labels(outcome, "accepted" if is_new else "repeated").inc()


def intent_refused(code: str) -> None:
    """A submission was refused."""
    _intents.labels("", code).inc()


def quote_answered(seconds: float) -> None:
    """A quote was planned."""
    _quotes.observe(seconds)


def round_failed(error: SolventError) -> None:
    """An auction round, or one bid of it, ended early; its intents are open still."""
    _rounds.inc()
    _log.warning("roundFailed", code=error.code, detail=error.detail)


def part_failed(part: str, error: BaseException) -> None:
    """A task of ours met an error and goes on or ends, as its module says."""
    _failures.labels(part).inc()
    _log.warning("partFailed", part=part, error=repr(error))


def stream_opened() -> None:
    """A client connected to the stream."""
    _streams.inc()


def stream_closed(code: int) -> None:
    """A stream connection ended; 4408 is a client that did not keep up."""
    _streams.dec()
    _closed.labels(str(code)).inc()


def breaker_moved(state: str, reason: str) -> None:
    """The kill switch moved."""
    _log.warning("breakerMoved", state=state, reason=reason)


def started(host: str, port: int, chain_id: int) -> None:
    """The service listens."""
    _log.info("started", host=host, port=port, chainId=chain_id)


def stopped() -> None:
    """The service ends in order."""
    _log.info("stopped")
