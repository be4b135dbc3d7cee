"""One judges at a time, in the order in which they came."""

from __future__ import annotations

import threading

import pytest

from keeptrusts.control.floor import Floor


def test_one_at_a_time() -> None:
    """Nobody is in while another is."""
    floor, inside, most = Floor(), [], []

    def work() -> None:
        for _ in range(50):
            with floor.taken():
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(most) == {1}
    assert len(most) == 200


def test_long_work_gives_way_between_two() -> None:
    """Whoever came while one was judged has the floor before the next is."""
    floor, seen, came = Floor(), list[str](), threading.Event()

    def visit() -> None:
        came.set()
        with floor.taken():
            seen.append("visitor")

    visitor = threading.Thread(target=visit)
    with floor.taken():
        for number in floor.lent(range(3)):
            seen.append(str(number))
            if number == 0:
                visitor.start()
                came.wait()
                while not floor.is_wanted:
                    pass
    visitor.join()
    assert seen == ["0", "visitor", "1", "2"]


def test_the_floor_is_free_after_a_failure() -> None:
    """Whatever became of the work."""
    floor = Floor()
    with pytest.raises(ValueError, match="work"), floor.taken():
        raise ValueError("work")
    with floor.taken():
        assert not floor.is_wanted
