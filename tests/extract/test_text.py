"""The text rule: what each piece of markup becomes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from extract.records import Field, Section
from extract.text import join_sections, squeeze, text_of

MML = 'xmlns:m="http://www.w3.org/1998/Math/MathML"'


def text(markup: str) -> str:
    return text_of(etree.fromstring(f"<AbstractText>{markup}</AbstractText>"))


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        # numbers are never changed
        ("1.5 x 10<sup>9</sup>/L", "1.5 x 10^9/L"),
        ("10<sup>-3</sup> and 10<sup>−3</sup>", "10^-3 and 10^−3"),
        ("10<sup>9</sup>5", "10^(9)5"),
        ("BMI 23 kg/m<sup>2</sup>.", "BMI 23 kg/m^2."),
        ("g·kg<sup>−1</sup>·d<sup>−1</sup>", "g·kg^−1·d^−1"),
        ("kg−<sup>1</sup>", "kg−^1"),
        ("e<sup>n+1</sup>", "e^(n+1)"),
        ("x<sup>2</sup>y", "x^(2)y"),
        ("χ<sup>2</sup>=12.7", "χ^2=12.7"),
        ("log<sub>10</sub>5", "log_(10)5"),
        ("10<sub>2</sub>", "10_2"),
        ("x<sub>1</sub><sup>2</sup>", "x1^2"),
        ("10<sup>3</sup><sub>2</sub>", "10^3_2"),
        ("x<sup>y<sup>2</sup></sup>", "x^(y^2)"),
        # notes do not run into what they follow
        ("82%<sup>1,2</sup>", "82%^1,2"),
        ("was 5.<sup>1</sup> Then", "was 5.^1 Then"),
        ("5 years<sup>a</sup> later", "5 years^a later"),
        ("Kras<sup>G12D</sup> mice", "Kras^G12D mice"),
        # what is commonly written joined
        ("CD8<sup>+</sup> T cells", "CD8+ T cells"),
        ("HER2<sup>−</sup>", "HER2−"),
        ("Respimat<sup>®</sup>", "Respimat®"),
        ("Ca<sup>2+</sup> and Na<sup>+</sup>", "Ca2+ and Na+"),
        ("SO<sub>4</sub><sup>2−</sup>", "SO4^(2−)"),
        ("the 30<sup>th</sup> day", "the 30th day"),
        ("[<sup>18</sup>F]FDG", "[18F]FDG"),
        ("anti-<sup>125</sup>I", "anti-125I"),
        ("<sup>99m</sup>Tc", "99mTc"),
        ("<sup>125</sup>5", "^(125)5"),
        ("H<sub>2</sub>O", "H2O"),
        ("HbA<sub>1c</sub> and VO<sub>2</sub>max", "HbA1c and VO2max"),
        ("AUC<sub>0–∞</sub>", "AUC0–∞"),
        # plain markup and white space
        ("CD8 T cells and <i>KRAS</i> mutations", "CD8 T cells and KRAS mutations"),
        ("<i>P</i>&lt;0.05; <b>n</b>=3 <u>x</u>", "P<0.05; n=3 x"),
        ("a<unknown>b</unknown>c", "abc"),
        ("4.9 log<sub>10 </sub>copies", "4.9 log10 copies"),
        ("<i>C</i> <sub>max</sub>", "C max"),
        ("Loozit<sup>® </sup>group", "Loozit® group"),
        ("Atopalm<sup><b>®</b></sup> lotion", "Atopalm® lotion"),
        ("a<sup/>b<i/>c<sub> </sub>d", "abc d"),
        ("  a \n\t b\u00a0\u2009c ", "a b c"),
        ("one<br/>two<DispFormula>E</DispFormula>three", "one two E three"),
        ("a<!-- no -->b<?no no?>c", "abc"),
        ("", ""),
        ("[Deutscher Titel].", "[Deutscher Titel]."),
    ],
)  # fmt: skip
def test_markup_becomes_text(markup: str, expected: str) -> None:
    parser = etree.XMLParser(remove_comments=True, remove_pis=True)
    assert text_of(etree.fromstring(f"<AbstractText>{markup}</AbstractText>", parser)) == expected


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("<m:mn>1.5</m:mn> <m:mo>×</m:mo><m:msup><m:mn>10</m:mn><m:mn>9</m:mn></m:msup>", "1.5×10^9"),
        ("<m:msub><m:mi>H</m:mi><m:mn>2</m:mn></m:msub><m:mi>O</m:mi>", "H2O"),
        ("<m:mfrac><m:mi>a</m:mi><m:mn>2</m:mn></m:mfrac>", "a/2"),
        (
            "<m:mfrac><m:mrow><m:mi>a</m:mi><m:mo>+</m:mo><m:mi>b</m:mi></m:mrow><m:mn>2</m:mn></m:mfrac>",
            "(a+b)/2",
        ),
        ("<m:msqrt><m:mn>2</m:mn></m:msqrt>", "√2"),
        ("<m:mover><m:mi>x</m:mi><m:mo>¯</m:mo></m:mover>", "x¯"),
        ("<m:msubsup><m:mi>x</m:mi><m:mn>1</m:mn><m:mn>2</m:mn></m:msubsup>", "x1^2"),
        ("<m:semantics><m:mi>q</m:mi><m:annotation>TeX</m:annotation></m:semantics>", "q"),
        ("<m:mn>2</m:mn><m:mo>\u2062</m:mo><m:mi>x</m:mi>", "2x"),
    ],
)  # fmt: skip
def test_formula_becomes_one_line(formula: str, expected: str) -> None:
    assert text(f"is <m:math {MML}>\n {formula}\n</m:math>.") == f"is {expected}."


def test_sections_are_joined_by_a_line_feed_and_keep_their_labels() -> None:
    field = join_sections("abstract", [("METHODS", "We did."), ("EMPTY", ""), ("RESULTS", "It was.")])
    assert field == Field(
        "abstract", "We did.\nIt was.", (Section("METHODS", 0, 7), Section("RESULTS", 8, 15))
    )
    assert [field.text[section.start : section.end] for section in field.sections] == ["We did.", "It was."]


def test_field_without_text_is_absent() -> None:
    assert join_sections("title", [("title", "")]) is None


INLINE = st.deferred(
    lambda: st.one_of(
        st.text("ab12 +−.,\u00a0β(", max_size=6),
        st.tuples(st.sampled_from(["sup", "sub", "i", "b", "x"]), INLINES).map(
            lambda p: f"<{p[0]}>{p[1]}</{p[0]}>"
        ),
    )
)
INLINES = st.lists(INLINE, max_size=4).map("".join)


@given(INLINES)
def test_no_character_is_lost_or_made_up_but_marks(markup: str) -> None:
    element = etree.fromstring(f"<AbstractText>{markup}</AbstractText>")
    plain = "".join("".join(element.itertext()).split())
    found = text_of(element)
    assert found == squeeze(found)
    rest = iter(found.replace(" ", ""))
    assert all(character in rest for character in plain), "characters in order"
    extra = len(found.replace(" ", "")) - len(plain)
    assert extra == sum(found.count(mark) for mark in "^_") + sum(
        found.count(b) - plain.count(b) for b in "()"
    )
