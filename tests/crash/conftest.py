"""Crash tests: helpers whose assertions show their values."""

import pytest

pytest.register_assert_rewrite("tests.crash.crashed_folder")
