"""Documents split into passages: by headings, then at paragraphs and sentences where a section is long."""

from typing import Final

PASSAGE_CHARACTERS: Final = 1600
"""The longest passage: about 400 tokens of English, so that several fit into a prompt."""

_HEADINGS: Final = [("#", "1"), ("##", "2"), ("###", "3")]
_ENDS: Final = ["\n\n", "\n", "。", "！", "？", ". ", "! ", "? ", "；", "; ", "，", ", ", " ", ""]  # noqa: RUF001


def split_markdown(text: str, *, title: str) -> list[tuple[str, str]]:
    """Split into (heading, passage); the headings above a section, but the document's title, are joined by a slash."""
    from langchain_text_splitters import MarkdownHeaderTextSplitter

    sections = MarkdownHeaderTextSplitter(_HEADINGS, strip_headers=True).split_text(text)
    split = []
    for section in sections:
        headings = [heading for heading in section.metadata.values() if heading != title]
        split += [(" / ".join(headings), passage) for passage in split_text(section.page_content)]
    return split


def split_text(text: str) -> list[str]:
    """Split at the best places that keep each passage within PASSAGE_CHARACTERS."""
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter(
        separators=_ENDS, keep_separator="end", chunk_size=PASSAGE_CHARACTERS, chunk_overlap=0
    )
    return [passage.strip() for passage in splitter.split_text(text) if passage.strip()]
