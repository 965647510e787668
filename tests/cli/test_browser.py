"""Whether a browser would be visible, and what happens if it fails."""

import logging
import threading
import webbrowser

import pytest

from bds_async.cli.login.browser import has_browser, open_page

PAGE = "https://auth.example/oauth2/auth"


@pytest.mark.parametrize(
    ("environ", "platform", "expected"),
    [
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({}, "linux", False),
        ({"SSH_CONNECTION": "a b"}, "linux", False),
        ({"SSH_CONNECTION": "a b", "DISPLAY": "localhost:10.0"}, "linux", True),
        ({}, "darwin", True),
        ({"SSH_CONNECTION": "a b"}, "darwin", False),
        ({}, "win32", True),
        ({"SSH_CONNECTION": "a b"}, "win32", False),
        ({"BROWSER": "firefox"}, "linux", True),
        ({"BROWSER": "", "SSH_CONNECTION": "a b"}, "darwin", False),
    ],
)
def test_a_browser_is_opened_only_where_the_person_would_see_it(environ, platform, expected):
    """Elsewhere a text browser would take over the terminal, or a window would open on another machine."""
    assert has_browser(environ, platform) is expected


def fails(_: str) -> bool:
    raise webbrowser.Error("no runnable browser")


@pytest.mark.parametrize("opening", [fails, lambda _: False])
def test_a_browser_that_does_not_open_is_told_and_stops_nothing(opening, monkeypatch, caplog):
    monkeypatch.setenv("BROWSER", "anything")
    monkeypatch.setattr(webbrowser, "open", opening)
    with caplog.at_level(logging.INFO, "bds_async"):
        open_page(PAGE)
        for thread in [thread for thread in threading.enumerate() if thread.name == "bds-async-browser"]:
            thread.join(10)
    assert "open the address yourself" in caplog.text


def test_without_a_desktop_nothing_is_started(monkeypatch):
    monkeypatch.setattr("bds_async.cli.login.browser.has_browser", lambda *_: False)
    monkeypatch.setattr(webbrowser, "open", fails)
    open_page(PAGE)
    assert not [thread for thread in threading.enumerate() if thread.name == "bds-async-browser"]
