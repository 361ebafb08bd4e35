"""Files read as documents; and what is refused, with what to do."""

import json
from io import BytesIO
from pathlib import Path
from random import Random

import pytest
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from bot.knowledge.sources import LARGEST_FILE, Source, UnreadableSource, list_files, read_source
from bot.knowledge.splitting import PASSAGE_CHARACTERS


def read(folder: Path, name: str, content: str | bytes) -> Source:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_source(file, name=name, internal=False, collection="")


def texts(source: Source) -> list[tuple[str, str, str]]:
    return [
        (document.title, passage.heading, passage.text)
        for document in source.documents
        for passage in document.passages
    ]


def test_markdown_is_split_by_its_headings(tmp_path: Path) -> None:
    source = read(
        tmp_path,
        "a.md",
        "# Returns\n\nWithin 30 days.\n\n## Lamps\n\n```\n# no heading\n```\n\n### Broken\n\nSend a photo.\n",
    )
    assert texts(source) == [
        ("Returns", "", "Within 30 days."),
        ("Returns", "Lamps", "```\n# no heading\n```"),
        ("Returns", "Lamps / Broken", "Send a photo."),
    ]


def test_html_is_read_without_what_nobody_reads(tmp_path: Path) -> None:
    page = (
        "<html><head><title>Returns &amp; refunds</title><style>p{}</style></head><body><nav>Home</nav>"
        "<h1>Returns &amp; refunds</h1><p>Within <b>30</b> days.<script>alert('x')</script></p>"
        "<h2>Lamps</h2><ul><li>Send a photo</ul><svg><text>no</text></svg></body></html>"
    )
    assert texts(read(tmp_path, "a.html", page)) == [
        ("Returns & refunds", "", "Within 30 days."),
        ("Returns & refunds", "Lamps", "Send a photo"),
    ]


def test_long_texts_are_split_at_sentences(tmp_path: Path) -> None:
    passages = [text for *_, text in texts(read(tmp_path, "a.txt", "退款需要三天。" * 1000))]
    assert len(passages) > 1
    assert all(len(text) <= PASSAGE_CHARACTERS and text.endswith("。") for text in passages)
    assert "".join(passages) == "退款需要三天。" * 1000, "and nothing is lost"


def test_rows_of_a_csv_are_documents(tmp_path: Path) -> None:
    table = (
        '\ufeffTitle,Text,url,internal\nRefund,"Dear customer,\nwe refund.",https://shop.example/r,\n'
        "Fraud,Ask a lead.,,yes\n"
    )
    first, second = read(tmp_path, "macros.csv", table).documents
    assert (first.id, first.url, first.internal) == ("macros.csv#Refund", "https://shop.example/r", False)
    assert (second.id, second.url, second.internal) == ("macros.csv#Fraud", None, True)


def test_lines_of_json_are_documents_by_their_own_ids(tmp_path: Path) -> None:
    lines = [{"id": "d1", "title": "Refund", "text": "We refund."}, {"text": "No title, no id."}]
    first, second = read(tmp_path, "a.jsonl", "\n".join(map(json.dumps, lines))).documents
    assert (first.id, second.id, second.title) == ("d1", "a.jsonl#No title, no id.", "No title, no id.")


def test_what_no_database_can_hold_is_taken_out(tmp_path: Path) -> None:
    (document,) = read(
        tmp_path, "a.jsonl", r'{"id":"d\u0000","title":"T\ud800","text":"a\u0000b","url":"u\udfff"}'
    ).documents
    assert (document.id, document.title, document.passages[0].text, document.url) == ("d", "T?", "ab", "u?")


def test_a_file_whose_name_is_no_text_is_to_be_renamed(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSource, match="its name is not UTF-8: rename it"):
        read(tmp_path, "Gr\udcf6\udcdfe.md", "text")


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.docx", b"PK", ".docx is not read; these are: .md, .markdown, .txt, .html, .htm, .pdf, .csv, .jsonl"),
        ("a.md", b"", "there is no text in it"),
        ("a.html", b"<script>only()</script>", "there is no text in it"),
        ("a.txt", b"\x00\x01\x02", "it is not text"),
        ("a.txt", "Grüße".encode("latin-1"), "it is not UTF-8 text: save it as UTF-8"),
        ("a.pdf", b"%PDF-1.4 and no more", "it is no PDF that can be read (PdfStreamError): save it anew"),
        ("a.csv", b"name,body\na,b\n", "it has no column title and text: its first row names title and text"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(name: str, content: bytes, why: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableSource) as refused:
        read(tmp_path, name, content)
    assert str(refused.value) == why


def make_pdf() -> bytes:
    """One page with one line, packed as most are."""
    writer, out = PdfWriter(), BytesIO()
    page = writer.add_blank_page(300, 300)
    line = DecodedStreamObject()
    line.set_data(b"BT /F1 12 Tf 50 200 Td (Refunds take five days.) Tj ET")
    page[NameObject("/Contents")] = line.flate_encode()
    font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
    named = DictionaryObject({NameObject(key): NameObject(value) for key, value in font.items()})
    fonts = DictionaryObject({NameObject("/F1"): named})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    writer.add_metadata({"/Title": "Refunds"})
    writer.write(out)
    return out.getvalue()


def test_a_pdf_is_read_by_pages(tmp_path: Path) -> None:
    assert texts(read(tmp_path, "a.pdf", make_pdf())) == [("Refunds", "page 1", "Refunds take five days.")]


def test_a_broken_pdf_is_read_or_refused_and_says_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is broken in it: bytes changed, left out, or something else in the place of a value."""
    whole, chance, refused = make_pdf(), Random(7), 0
    for _ in range(1000):
        broken = bytearray(whole)
        for _ in range(chance.choice((1, 2, 4))):
            at = chance.randrange(len(broken))
            broken[at : at + chance.randrange(8)] = chance.choice(
                (b"", b"9999", b" -1 ", b"null", b"/F1 ", b"<<", b"x")
            )
        try:
            read(tmp_path, "a.pdf", bytes(broken))
        except UnreadableSource:
            refused += 1
    assert 100 < refused < 1000
    assert not caplog.records


def test_a_file_that_is_too_large_is_not_opened(tmp_path: Path) -> None:
    with (tmp_path / "a.txt").open("wb") as file:
        file.truncate(LARGEST_FILE + 2**20)
    with pytest.raises(UnreadableSource, match="it has 65 MB, and 64 MB is the most"):
        read_source(tmp_path / "a.txt", name="a.txt", internal=False, collection="")


def test_rows_that_cannot_be_read_are_told_and_the_rest_is_taken(tmp_path: Path) -> None:
    lines = ['{"id":"a","text":"good"}', "no json", "[1]", '{"text":""}', '{"text":5}', '{"text":"x","internal":"yes"}']
    source = read(tmp_path, "a.jsonl", "\n".join([*lines, '{"id":"a","text":"twice"}', "[" * 100_000]))
    assert [document.id for document in source.documents] == ["a"]
    assert source.refused == (
        "row 2: it is no JSON",
        "row 3: it is no JSON object",
        "row 4: it has no text",
        "row 5: text is no text",
        "row 6: internal is neither true nor false",
        "row 7: a is there already: give each row an id or title of its own",
        "row 8: it is no JSON",
    )


def test_a_folder_is_its_readable_files(tmp_path: Path) -> None:
    for name in ("b.md", "a/c.txt", ".git/d.md", "e.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("text", encoding="utf-8")
    assert [str(file.relative_to(tmp_path)) for file in list_files(tmp_path)] == ["a/c.txt", "b.md"]
