"""A node that lives for months knows its latest tasks only, and none under way is forgotten."""

from importlib import import_module

import pytest
from flwr.common.constant import SubStatus
from flwr.supercore.object_store import ObjectStoreFactory
from flwr.supernode.nodestate import NodeStateFactory

from grandrounds.running import programs
from grandrounds.running.forgetting import KEPT, ForgetfulNodeState


def a_state(monkeypatch: pytest.MonkeyPatch) -> ForgetfulNodeState:
    """Return what Flower makes where a node's program has put ours."""
    monkeypatch.setattr(import_module(programs.NODE_STATE), "InMemoryNodeState", ForgetfulNodeState)
    state = NodeStateFactory(ObjectStoreFactory()).state()
    assert isinstance(state, ForgetfulNodeState)
    return state


def created(state: ForgetfulNodeState) -> int:
    number = state.create_task(task_type="clientapp", run_id=1, fab_hash="f")
    assert number is not None
    return number


def done(state: ForgetfulNodeState) -> int:
    number = created(state)
    state.claim_task(number)
    state.activate_task(number)
    state.add_task_log(number, "said")
    assert state.finish_task(number, SubStatus.COMPLETED, "")
    return number


def test_old_tasks_are_forgotten_with_what_they_said(monkeypatch: pytest.MonkeyPatch) -> None:
    state = a_state(monkeypatch)
    numbers = [done(state) for _ in range(3 * KEPT)]
    last = created(state)
    assert {task.task_id for task in state.get_tasks()} == {*numbers[-KEPT:], last}
    assert set(state.task_logs) == set(numbers[-KEPT:])


def test_a_task_that_waits_or_runs_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    state = a_state(monkeypatch)
    waiting, running = created(state), created(state)
    token = state.claim_task(running)
    state.activate_task(running)
    for _ in range(2 * KEPT):
        done(state)
    assert {task.task_id for task in state.get_tasks(task_ids=[waiting, running])} == {
        waiting,
        running,
    }
    assert token is not None
    assert state.get_task_by_token(token) is not None
