"""Suites: what ships reads, and what nobody knows is refused by name with the choices."""

from pathlib import Path

import pytest

from foveate.errors import CallerError
from foveate.evals.metrics.table import metric
from foveate.evals.suite import read_suite, shipped_suites
from foveate.evals.targets.protocols import ABILITIES
from foveate.evals.tasks.table import TASKS, task

GOOD = """
name: mine
tasks:
  - {name: a, task: retrieval, dataset: sample, options: {split: dev}, settings: {depth: 5}, metrics: [recall@3]}
"""


def written(folder: Path, text: str) -> str:
    path = folder / "suite.yaml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("name", shipped_suites())
def test_shipped_suites_read(name: str) -> None:
    suite, _ = read_suite(name)
    assert suite.name == name and suite.title
    assert read_suite(f"suites/{name}.yaml")[0] == suite


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    suite, folder = read_suite(written(tmp_path, GOOD))
    assert folder == tmp_path
    assert suite.tasks[0].settings == {"depth": 5} and suite.target.kind == "agent" and suite.level == 0.95


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("task: retrieval", "task: retreival"), "'retreival' is none of: .*did you mean 'retrieval'"),
        (("recall@3", "recal@3"), "task 'a': metric 'recal@3' is none of"),
        (("recall@3", "recall@0"), "cut-off '0'"),
        (("dataset: sample", "dataset: stamp"), "dataset 'stamp' is none of: .*did you mean 'stamps'"),
        (("name: mine", "name: mine\ncolour: red"), "key 'colour' is unknown; there are: draws, level"),
        (("metrics:", "metric:"), r"key 'tasks\.0\.metric' is unknown; there are: dataset"),
        (("{depth: 5}", "{k: 5}"), "task 'retrieval' has no setting 'k'; it has: depth"),
        (("name: a", "name: 'A b'"), "names are unique, of lower-case letters"),
        (("name: mine", "name: mine\ntarget: {kind: oracle}"), "target 'oracle' is none of: agent"),
        (("name: mine", "name: mine\ntarget: {knd: agent}"), r"'target\.knd' is unknown; there are: encoder"),
        (("name: mine", "name: mine\nseed: -1"), "'seed'"),
        (("name: mine", ""), "'name': Field required"),
    ],
)
def test_refused_by_name(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    assert change[0] in GOOD
    with pytest.raises(CallerError, match=message):
        read_suite(written(tmp_path, GOOD.replace(*change, 1)))


def test_names_are_unique(tmp_path: Path) -> None:
    twice = GOOD + GOOD.strip().splitlines()[-1].replace("- {", "  - {") + "\n"
    with pytest.raises(CallerError, match="unique"):
        read_suite(written(tmp_path, twice))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a mapping is expected, found NoneType"),
        ("- a", "found list"),
        ("name: [", "is no YAML"),
        ("name: !!python/object/apply:os.system [true]", "is no YAML"),
        ("name: x\ntasks: []", "tasks"),
        ("a: &a [x]\nname: x\ntasks: [*a, *a]", "aliases are not read"),
    ],
)
def test_not_a_suite(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(CallerError, match=message):
        read_suite(written(tmp_path, text))


def test_no_such_suite() -> None:
    with pytest.raises(CallerError, match=r"no suite 'nightly'; .*quick"):
        read_suite("nightly")
    with pytest.raises(CallerError, match="no suite"):
        read_suite("elsewhere/quick.yaml")


@pytest.mark.parametrize("name", sorted(TASKS))
def test_tasks_are_scored_by_metrics_that_exist(name: str) -> None:
    item = task(name)
    assert item.name == name and item.ability in ABILITIES and item.metrics
    for wanted in item.metrics:
        assert metric(wanted).name == wanted


def test_unknown_task() -> None:
    with pytest.raises(CallerError, match="did you mean 'few_shot'"):
        task("fewshot")
