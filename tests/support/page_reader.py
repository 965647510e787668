"""A strict parser of the page: every element is closed in order, and every reference has its target in the page."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

#: Elements without an end tag (HTML, section 13.1.2), and self-closing ones of SVG.
VOID = {"meta", "link", "br", "img", "input", "hr"}


class Element:
    """An element of a page, with its attributes and the text directly in it."""

    def __init__(self, tag: str, attributes: dict[str, str | None]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.children: list[Element] = []
        self.own_text = ""

    def __iter__(self) -> Iterator[Element]:
        yield self
        for child in self.children:
            yield from child

    def all(self, tag: str) -> list[Element]:
        """The elements of this kind, in the order of the page."""
        return [each for each in self if each.tag == tag]

    @property
    def text(self) -> str:
        """All text in it, with runs of blanks collapsed."""
        return " ".join(" ".join(each.own_text for each in self).split())

    def find(self, name: str) -> Element:
        """The element with this id."""
        (found,) = [each for each in self if each.attributes.get("id") == name]
        return found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(attrs) == len(dict(attrs)), f"an attribute of {tag} twice"
        element = Element(tag, dict(attrs))
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag, f"{tag} is closed out of order"

    def handle_data(self, data: str) -> None:
        self.open[-1].own_text += data


def read_page(text: str) -> Element:
    """The page as a tree; AssertionError if it is not balanced, or refers to an id that is not there exactly once."""
    assert text.startswith("<!DOCTYPE html>")
    reader = _Reader()
    reader.feed(text)
    reader.close()
    (root,) = reader.open
    ids = [each.attributes["id"] for each in root if "id" in each.attributes]
    assert len(ids) == len(set(ids))
    for each in root:
        wanted = (each.attributes.get("aria-labelledby") or "").split()
        wanted += [link.removeprefix("#") for link in [each.attributes.get("href")] if link is not None]
        assert set(wanted) <= set(ids)
    return root
