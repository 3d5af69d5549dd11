"""Time is the chain's; it counts on between heads and never runs backwards."""

from app.clock import ChainClock, ManualClock, rfc3339_ms


def test_the_head_judges_and_milliseconds_count_on():
    now = [10.0]
    clock = ChainClock(1_000, monotonic=lambda: now[0])
    now[0] += 0.25
    assert (clock.time(), clock.time_ms()) == (1_000, 1_000_250)
    clock.advance(1_000)
    assert clock.time_ms() == 1_000_250
    clock.advance(1_012)
    assert (clock.time(), clock.time_ms()) == (1_012, 1_012_000)


def test_a_reorg_to_an_older_head_moves_the_judge_only():
    now = [0.0]
    clock = ChainClock(2_000, monotonic=lambda: now[0])
    assert clock.time_ms() == 2_000_000
    clock.advance(1_990)
    assert (clock.time(), clock.time_ms()) == (1_990, 2_000_000)


def test_manual_time_moves_when_told():
    clock = ManualClock(5)
    clock.advance_ms(1_500)
    assert (clock.time(), rfc3339_ms(clock.time_ms())) == (6, "1970-01-01T00:00:06.500Z")
