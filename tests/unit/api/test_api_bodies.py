from __future__ import annotations

import pytest

from peakctl.api.bodies import Body, Part, encode_body, encode_json, encode_parts
from peakctl.model import Secret


def test_json_text_is_pythons_default() -> None:
    assert encode_json({"a": [1, None, "é"], "b": True}) == (
        b'{"a": [1, null, "\\u00e9"], "b": true}'
    )


def test_secrets_are_opened_and_remembered() -> None:
    value = {
        "env": {"A": Secret("pass"), "B": Secret({"x": ["deep", 7, None, True, ""]})},
        "n": [1],
    }
    body = encode_body(value, None)
    assert b'"A": "pass"' in body.content
    assert body.secrets == ("pass", "deep", "7")


def test_a_secret_within_a_secret_is_found() -> None:
    assert encode_body([Secret([Secret("inner")])], None).secrets == ("inner",)


def test_nothing_to_say_is_an_empty_object() -> None:
    assert encode_body(None, None) == Body(b"{}", "application/json")


def test_multipart_has_the_file_first_and_texts_without_a_type() -> None:
    parts = [
        Part("name", text="forecast"),
        Part("buildDetails", json={"source": "upload"}),
        Part("featured", json=None),
        Part("absent"),
        Part("artifact", file=b"PK\r\n"),
    ]
    body = encode_body(None, parts)
    boundary = body.content_type.removeprefix("multipart/form-data; boundary=")
    assert body.content.decode().replace(boundary, "B") == (
        "--B\r\n"
        'Content-Disposition: form-data; name="artifact"; filename="artifact.zip"\r\n'
        "Content-Type: application/zip\r\n\r\nPK\r\n\r\n"
        '--B\r\nContent-Disposition: form-data; name="name"\r\n\r\nforecast\r\n'
        '--B\r\nContent-Disposition: form-data; name="buildDetails"\r\n\r\n{"source": "upload"}\r\n'
        '--B\r\nContent-Disposition: form-data; name="featured"\r\n\r\nnull\r\n'
        "--B--\r\n"
    )


def test_equal_parts_give_equal_bytes() -> None:
    assert encode_parts([Part("a", text="b")]) == encode_parts([Part("a", text="b")])


def test_a_secret_part_is_plain_text_when_it_is_text() -> None:
    body = encode_parts([Part("token", text=Secret("tok-en")), Part("n", text=Secret(12))])
    assert b"\r\n\r\ntok-en\r\n" in body.content
    assert b"\r\n\r\n12\r\n" in body.content
    assert body.secrets == ("tok-en", "12")


def test_a_name_cannot_break_out_of_its_header() -> None:
    content = encode_parts([Part('a"\r\nX: y', text="")]).content
    assert b'name="a%22%0D%0AX: y"\r\n' in content


def test_only_one_file_is_taken() -> None:
    with pytest.raises(ValueError, match="at most one artifact"):
        encode_parts([Part("a", file=b""), Part("b", file=b"")])


def test_named_files_may_be_several_and_keep_their_names() -> None:
    both = [Part("a", file=b"1", filename='x"\r\n.txt'), Part("a", file=b"2", filename="ü.txt")]
    content = encode_parts([*both, Part("b", text="c")]).content.decode()
    assert (
        'name="a"; filename="x%22%0D%0A.txt"\r\nContent-Type: application/octet-stream' in content
    )
    assert 'name="a"; filename="ü.txt"' in content
    assert content.index('name="b"') > content.index("ü.txt")
