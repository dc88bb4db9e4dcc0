"""Selection, backpropagation and closing by hand."""

import math

import pytest

from foveate.agent.multihop.tree import Node, Walk, backpropagate, close, select


def grown() -> tuple[Node, Node, Node]:
    root = Node(walk=Walk(), prior=1.0)
    left = Node(walk=Walk(path=(1,)), prior=0.8, parent=root)
    right = Node(walk=Walk(path=(2,)), prior=0.2, parent=root)
    root.children = [left, right]
    return root, left, right


def test_puct_by_hand() -> None:
    root, left, right = grown()
    assert select(root, 1.0) is left  # 0.8 against 0.2
    backpropagate(left, 0.1)
    backpropagate(right, 0.5)
    assert (root.visits, root.total, left.mean, right.mean) == (2, 0.6, 0.1, 0.5)
    # 0.1 + sqrt(2) * 0.8 / 2 = 0.666 against 0.5 + sqrt(2) * 0.2 / 2 = 0.641
    assert select(root, 1.0) is left
    # 0.1 + 0.5 * sqrt(2) * 0.4 = 0.383 against 0.5 + 0.5 * sqrt(2) * 0.1 = 0.571
    assert select(root, 0.5) is right


def test_ties_go_to_the_smaller_path() -> None:
    root, left, right = grown()
    left.prior = right.prior = 0.5
    root.children = [right, left]
    assert select(root, 1.0) is left


def test_what_is_seen_is_closed_upwards() -> None:
    root, left, right = grown()
    leaf = Node(walk=Walk(path=(1, 3)), prior=1.0, parent=left)
    left.children = [leaf]
    close(leaf)
    assert left.closed and not root.closed
    assert select(root, 100.0) is right
    close(right)
    assert root.closed and select(root, 1.0) is None


def test_likelihood_is_the_geometric_mean_of_turns() -> None:
    assert Walk().likelihood == 1.0
    assert Walk(path=(1, 2, 3), logshare=math.log(0.5 * 0.125), turns=2).likelihood == pytest.approx(0.25)
