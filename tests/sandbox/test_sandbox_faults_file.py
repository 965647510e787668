"""How faults are read from a file, and the errors about a malformed one."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bds_async.sandbox import Fault, Sandbox, load_faults
from bds_async.sandbox.faults.model import parse_fault
from bds_async.sandbox.faults.plan import FaultPlan, Target
from bds_async.sandbox.faults.specs import REQUIRED, SPECS

USERS = Target("storage", "Users", "Full", "1", ranged=False)


def test_a_list_and_an_object_with_a_list_are_read(tmp_path):
    path = tmp_path / "faults.json"
    entry = {"action": "cut", "after": 10, "data_set": "User*", "first": 2}
    for content in ([entry], {"faults": [entry]}):
        path.write_text(json.dumps(content), "utf-8")
        (fault,) = load_faults(path)
        assert (fault.action, fault.on, fault.data_set, fault.first, fault["after"]) == (
            "cut",
            "storage",
            "User*",
            2,
            10,
        )
        assert fault["framing"] == "length"


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        (7, "expected an object, not int"),
        ({}, ".action: missing"),
        ({"action": "explode"}, ".action: 'explode' is unknown; expected one of status,"),
        ({"action": "cutt"}, ".action: 'cutt' is unknown; did you mean 'cut'? expected one of status,"),
        ({"action": "cut"}, ".after: missing"),
        ({"action": "cut", "after": "much"}, ".after: expected int, not str"),
        ({"action": "cut", "after": True}, ".after: expected int, not bool"),
        ({"action": "cut", "after": -1}, ".after: must be from 0 to inf"),
        ({"action": "status", "status": 99}, ".status: must be from 200 to 599"),
        ({"action": "trickle", "rate": 0}, ".rate: must be from 1 to inf"),
        ({"action": "corrupt", "share": 1.5}, ".share: must be from 0 to 1"),
        (
            {"action": "cut", "after": 1, "framing": "odd"},
            ".framing: 'odd' is unknown; expected one of length, chunked, close",
        ),
        ({"action": "cut", "after": 1, "on": "token"}, ".on: this action needs one of storage, download"),
        ({"action": "lost"}, ".on: this action needs one of token,"),
        ({"action": "reset", "on": "storage", "seconds": 1}, ".seconds: unknown; known here: action,"),
        ({"action": "reset", "on": "token", "at": [0]}, ".at: expected whole numbers from 1"),
        ({"action": "reset", "on": "token", "at": 1}, ".at: expected list or tuple, not int"),
        ({"action": "reset", "on": "token", "every": 0}, ".every: must be from 1 to inf"),
        (
            {"action": "reset", "on": "token", "bds_type": "full"},
            ".bds_type: 'full' is unknown; did you mean 'Full'? expected one of Full, Differential, *",
        ),
    ],
)
def test_a_malformed_fault_is_named_by_its_place(tmp_path, entry, complaint):
    path = tmp_path / "faults.json"
    path.write_text(json.dumps([{"action": "reset", "on": "token"}, entry]), "utf-8")
    with pytest.raises(ValueError, match="faults") as caught:
        load_faults(path)
    assert str(caught.value).startswith(f"{path}: faults[1]{complaint}") or complaint in str(caught.value)


@pytest.mark.parametrize("text", ["{", '"x"', '{"fault": []}'])
def test_a_file_that_is_no_list_is_refused(tmp_path, text):
    path = tmp_path / "faults.json"
    path.write_text(text, "utf-8")
    with pytest.raises(ValueError, match=r"faults\.json: (not JSON|expected a list)"):
        load_faults(path)


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner))
)
def test_whatever_is_in_a_file_it_is_a_fault_or_a_value_error(entry):
    with pytest.raises(ValueError, match="somewhere"):
        parse_fault(entry, "somewhere")


def test_a_dict_is_played_as_a_file_would_have_it():
    plan = FaultPlan([{"action": "reset"}, Fault.of("reset", on="token")])
    assert plan.active(USERS) == (Fault.of("reset"),)


@pytest.mark.parametrize("given", [[{"action": "reset"}], (Fault.of("reset"),), "faults.json", None])
def test_what_is_no_fault_is_refused_at_once(given):
    """Not by each request of the sandbox."""
    with pytest.raises(TypeError, match=r"play\(\*faults\).*load_faults\(path\)"):
        Sandbox().play(given)
    with pytest.raises(ValueError, match=r"faults\[1\]\.action: 'resett' is unknown"):
        Sandbox().play(Fault.of("reset"), {"action": "resett"})


def test_null_stands_for_the_default_where_that_is_nothing():
    fault = Fault.of("status", status=500, retry_after=None, first=None, on=None, ranged=None)
    assert (fault["retry_after"], fault.first, fault.on) == (None, None, "storage")


@pytest.mark.parametrize("value", [None, True, 0, "x", [1], {"a": 1}])
def test_values_of_fields_and_bodies_can_be_anything(value):
    assert Fault.of("set_field", on="catalogue", field="Name", value=value)["value"] == value
    assert Fault.of("json", body=value)["body"] == value


def test_every_action_can_be_made_from_its_required_parameters():
    samples = {int: 500, str: "x", float: 1.0, object: None}
    for action, spec in SPECS.items():
        needed = {
            name: samples[parameter.types[0]]
            for name, parameter in spec.parameters.items()
            if parameter.default is REQUIRED
        }
        assert Fault.of(action, on=spec.kinds[0], **needed).action == action


@pytest.mark.parametrize(
    ("keys", "hit"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"first": 2}, [1, 2]),
        ({"at": [1, 4]}, [1, 4]),
        ({"every": 3}, [3, 6]),
    ],
)
def test_occurrences_choose_which_requests_are_hit(keys, hit):
    plan = FaultPlan([Fault.of("reset", on="storage", **keys)])
    assert [number for number in range(1, 7) if plan.active(USERS)] == hit


def test_occurrences_are_counted_for_each_extract_or_together():
    other = Target("storage", "Users", "Full", "2", ranged=False)
    each = FaultPlan([Fault.of("reset", on="storage", first=1)])
    assert [bool(each.active(target)) for target in (USERS, USERS, other)] == [True, False, True]
    together = FaultPlan([Fault.of("reset", on="storage", first=1, counted="together")])
    assert [bool(together.active(target)) for target in (USERS, USERS, other)] == [True, False, False]


@pytest.mark.parametrize(
    ("keys", "hit"),
    [
        ({"data_set": "user*"}, True),
        ({"data_set": "Grade*"}, False),
        ({"bds_type": "Full"}, True),
        ({"bds_type": "Differential"}, False),
        ({"ranged": False}, True),
        ({"ranged": True}, False),
    ],
)
def test_selectors_choose_by_name_type_and_range(keys, hit):
    assert bool(FaultPlan([Fault.of("reset", on="storage", **keys)]).active(USERS)) is hit
    assert not FaultPlan([Fault.of("reset", on="download", **keys)]).active(USERS)


@pytest.mark.parametrize(
    ("data_set", "data_sets", "hint"),
    [
        ("Usres", 139, "the sandbox's 139 matches 'Usres'; the nearest is 'Users'"),
        ("Quiz Attempts", 2, "the sandbox's 2 matches 'Quiz Attempts'; the fault would never happen"),
        ("Nothing *", 139, "the fault would never happen"),
    ],
)
def test_a_name_that_no_data_set_has_is_refused(tmp_path, data_set, data_sets, hint):
    path = tmp_path / "faults.json"
    path.write_text(json.dumps([{"action": "reset"}, {"action": "reset", "data_set": data_set}]))
    with pytest.raises(ValueError, match=re.escape(hint)) as caught:
        load_faults(path, data_sets)
    assert str(caught.value).startswith(f"{path}: faults[1].data_set: ")
    assert len(load_faults(path)) == 2


@pytest.mark.parametrize("data_set", ["*", "users", "User*", "?sers"])
def test_a_pattern_that_matches_some_is_taken_in_any_case(tmp_path, data_set):
    path = tmp_path / "faults.json"
    path.write_text(json.dumps([{"action": "reset", "data_set": data_set}]))
    assert len(load_faults(path, 4)) == 1
