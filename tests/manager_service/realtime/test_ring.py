from __future__ import annotations

from manager_service.realtime.describing import Message, MessageType
from manager_service.realtime.ring import KEPT_WARM, FollowedTopics, Ring

JOBS = frozenset({"jobs"})


def about(*topics: str, size: int = 2) -> Message:
    return Message(MessageType.JOB, topics, b"x" * size)


def test_what_came_after_a_number_is_found_by_topic() -> None:
    ring = Ring()
    ring.add([about("jobs"), about("workers"), about("jobs", "jobs/1")])
    assert [each.number for each in ring.after(0, JOBS)] == [1, 3]
    assert [each.number for each in ring.after(1, frozenset({"jobs/1", "jobs"}))] == [3]
    assert ring.after(3, JOBS) == []


def test_old_messages_are_dropped_by_number_and_by_size() -> None:
    ring = Ring(most_messages=3, most_bytes=100)
    ring.add([about("jobs") for _ in range(5)])
    assert [ring.has_all_after(number) for number in (1, 2, 5, 6)] == [False, True, True, False]
    ring.add([about("jobs", size=99)])
    assert [each.number for each in ring.after(0, JOBS)] == [6]
    assert not ring.has_all_after(4)
    assert ring.has_all_after(5)


def test_a_topic_stays_complete_for_a_while_after_its_last_follower() -> None:
    ring, followed = Ring(), FollowedTopics()
    followed.follow(JOBS, ring.skip)
    seen = ring.last_number
    followed.leave(JOBS, now=100.0)
    followed.cool_down(now=100.0 + KEPT_WARM.total_seconds() - 1)
    assert followed.is_complete("jobs", after=seen)
    assert "jobs" in followed.names()
    followed.cool_down(now=100.0 + KEPT_WARM.total_seconds() + 1)
    assert not followed.is_complete("jobs", after=seen)
    assert "jobs" not in followed.names()


def test_a_topic_that_was_not_followed_meanwhile_is_not_complete_for_older_numbers() -> None:
    ring, followed = Ring(), FollowedTopics()
    followed.follow(JOBS, ring.skip)
    seen = ring.last_number
    followed.leave(JOBS, now=0.0)
    followed.cool_down(now=KEPT_WARM.total_seconds() + 1)
    followed.follow(JOBS, ring.skip)
    assert not followed.is_complete("jobs", after=seen)
    assert followed.is_complete("jobs", after=ring.last_number)


def test_a_topic_is_followed_until_the_last_one_leaves() -> None:
    ring, followed = Ring(), FollowedTopics()
    for _ in range(2):
        followed.follow(JOBS, ring.skip)
    followed.leave(JOBS, now=0.0)
    followed.cool_down(now=10 * KEPT_WARM.total_seconds())
    assert "jobs" in followed.names()
