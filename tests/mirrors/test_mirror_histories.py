"""For any deliveries in any order of arrival, the tables are those of a plain model: 0 rows are wrong."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.support.deliveries import Deliveries, csv_of
from tests.support.mirror_histories import SHAPES, History, history
from tests.support.mirror_model import Model
from tests.support.mirror_places import Place


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One random history of each kind in the suite; 39 more by hand, which otherwise are not collected."""
    if "seed" in metafunc.fixturenames:
        by_hand = () if "not long" in metafunc.config.option.markexpr else range(1, 40)
        metafunc.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in by_hand)])


def found(place: Place, drawn: History) -> list[tuple[Any, ...]]:
    """The rows of the only table, in the form of the model."""
    ((name,),) = (row.values() for row in place.query("SELECT name FROM {s}._bds_tables"))
    rows = [list(row.values()) for row in place.table(name)]
    width = len(drawn.shape.header) + 2
    return sorted(((*row[:width], row[width] if len(row) > width else None) for row in rows), key=repr)


def deliver(deliveries: Deliveries, batch: Any, shape: Any) -> list[Path]:
    return [deliveries.deliver(told.extract, csv_of(shape.header, told.rows)) for told in batch]


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("keep_deleted", [False, True], ids=["", "keep-deleted"])
def test_the_tables_are_those_of_the_model(
    kind: str, keep_deleted: bool, seed: int, place: Place, tmp_path: Path
) -> None:
    """Each batch arrives and is applied; another run changes nothing."""
    deliveries = Deliveries(tmp_path / "data", SHAPES[kind].name)
    drawn = history(Random(f"{kind} {seed}"), SHAPES[kind], deliveries)
    for batch in drawn.batches:
        deliver(deliveries, batch, drawn.shape)
        assert place.mirror(deliveries.root, keep_deleted=keep_deleted).exit_code == 0
    model = Model(drawn.shape, keep_deleted)
    model.apply_all(drawn.told)
    assert found(place, drawn) == model.table()
    place.mirror(deliveries.root)
    assert found(place, drawn) == model.table()


@pytest.mark.parametrize("kind", ["plain", "windowed"])
def test_fulls_with_a_key_twice_are_taken_as_they_are(kind: str, seed: int, place: Place, tmp_path: Path) -> None:
    """Such fulls come and go, in any order of arrival."""
    deliveries = Deliveries(tmp_path / "data", SHAPES[kind].name)
    drawn = history(Random(f"twice {kind} {seed}"), SHAPES[kind], deliveries, twice=0.5)
    for batch in drawn.batches:
        deliver(deliveries, batch, drawn.shape)
        place.mirror(deliveries.root)
    model = Model(drawn.shape)
    model.apply_all(drawn.told)
    assert found(place, drawn) == model.table()


@pytest.mark.parametrize("kind", SHAPES)
def test_values_are_right_without_the_files_that_were_applied(
    kind: str, seed: int, place: Place, tmp_path: Path
) -> None:
    """A loader may take each applied file away; the moments of changes are not compared."""
    deliveries = Deliveries(tmp_path / "data", SHAPES[kind].name)
    drawn = history(Random(f"taken {kind} {seed}"), SHAPES[kind], deliveries)
    width = len(drawn.shape.header) + 1
    for batch in drawn.batches:
        files = deliver(deliveries, batch, drawn.shape)
        place.mirror(deliveries.root)
        for file in files:
            file.unlink()
    model = Model(drawn.shape)
    model.apply_all(drawn.told)
    assert [row[:width] for row in found(place, drawn)] == [row[:width] for row in model.table()]
