"""The documents say what the program does: commands, options, links, and the README's two command lines."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from jobs.cli import main

REPOSITORY = Path(__file__).resolve().parents[1]
FIRST_COMMAND = "pip install . && extract run examples/sample --out out"
TEST_COMMAND = "pip install torch==2.13.0 && pip install -e '.[compress,dev]' && pytest"
MANUAL = sorted({REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("*.md")})
PAGES = MANUAL + [
    page
    for pattern in ("*.md", "benchmarks/*.md", "examples/**/*.md", "extract/models/**/*.md")
    for page in sorted(REPOSITORY.glob(pattern))
    if page not in MANUAL
]
CALL_ENDS = ("&&", "||", "|", ";", ">", "2>", "<", "--")
NO_JSON = {"extract cluster start"}
"""Commands that run until they are stopped have no object to print."""


def iter_commands(
    group: click.Group, path: tuple[str, ...] = ("extract",)
) -> Iterator[tuple[str, click.Command]]:
    """Every command with its words, groups too."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        yield " ".join((*path, name)), command
        if isinstance(command, click.Group):
            yield from iter_commands(command, (*path, name))


COMMANDS = dict(iter_commands(main))
LEAVES = {words: command for words, command in COMMANDS.items() if not isinstance(command, click.Group)}


def iter_shell_lines(page: Path) -> Iterator[str]:
    """The lines of the page's ``sh`` blocks, continued lines joined, comments left out."""
    for block in re.findall(r"^```sh\n(.*?)^```", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL):
        yield from (line.strip() for line in block.replace("\\\n", " ").splitlines() if line.strip())


def iter_extract_calls(line: str) -> Iterator[list[str]]:
    """The words of every call of ``extract`` in a shell line."""
    words = shlex.split(line, comments=True)
    while "extract" in words:
        call = words[words.index("extract") + 1 :]
        end = next((i for i, word in enumerate(call) if word in CALL_ENDS), len(call))
        yield call[:end]
        words = call[end:]


def unknown_options(words: list[str]) -> list[str]:
    """The options of a documented call that its command does not have."""
    command: click.Command = main
    while isinstance(command, click.Group) and words:
        found = command.get_command(click.Context(command), words[0])
        if found is None:
            break
        command, words = found, words[1:]
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    known |= {"--help", "-h", "--version"}
    given = [word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)]
    missing_command = [] if not isinstance(command, click.Group) or not words else words[:1]
    return [word for word in [*given, *missing_command] if word not in known]


def calls_in(page: Path) -> list[list[str]]:
    return [call for line in iter_shell_lines(page) for call in iter_extract_calls(line)]


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_has_help_with_an_example(words: str) -> None:
    command = COMMANDS[words]
    shown = command.get_help(click.Context(command, info_name=words))
    assert command.help, f"{words} has no help"
    assert re.search(rf"^\s*Examples?:\n\s+{words}", shown, flags=re.MULTILINE), (
        f"no example of {words} in: {shown}"
    )


@pytest.mark.parametrize("words", LEAVES)
def test_every_option_has_help(words: str) -> None:
    options = [parameter for parameter in LEAVES[words].params if isinstance(parameter, click.Option)]
    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize("words", sorted(set(LEAVES) - NO_JSON))
def test_every_command_can_answer_in_json(words: str) -> None:
    assert "--json" in {name for parameter in LEAVES[words].params for name in parameter.opts}


def test_the_command_reference_says_what_the_program_says() -> None:
    script = REPOSITORY / "docs" / "make_commands.py"
    spec = importlib.util.spec_from_file_location("make_commands", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = (REPOSITORY / "docs" / "commands.md").read_text("utf-8")
    assert written == module.render_page(), "run `python docs/make_commands.py`"
    assert [words for words in LEAVES if f"## {words}\n" not in written] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_documented_calls_use_options_that_exist(page: Path) -> None:
    wrong = {" ".join(call): unknown_options(call) for call in calls_in(page) if unknown_options(call)}
    assert wrong == {}


@pytest.mark.parametrize(
    "call", ["run in --outt out", "no-such-command", "models no-such-command x", "run --no-cat"]
)
def test_a_wrong_documented_call_is_found(call: str) -> None:
    assert unknown_options(call.split()) != []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_to_files_resolve(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)]
    local = [target for target in targets if target and not re.match(r"[a-z]+:", target)]
    assert [target for target in local if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_source_files_that_are_named_exist(page: Path) -> None:
    named = re.findall(r"`((?:extract|cluster|jobs|compress|tests)/[\w/]+\.py)`", page.read_text("utf-8"))
    assert [name for name in named if not (REPOSITORY / name).exists()] == []


def test_the_readme_has_the_two_commands_once_each() -> None:
    lines = (REPOSITORY / "README.md").read_text("utf-8").splitlines()
    assert lines.count(FIRST_COMMAND) == 1
    assert lines.count(TEST_COMMAND) == 1


def test_the_gates_run_the_commands_of_the_readme() -> None:
    """``.ci/run`` takes both lines out of README.md by how they begin, and installs nothing by itself."""
    script = (REPOSITORY / ".ci" / "run").read_text("utf-8")
    begins = re.findall(r"readme_line '([^']+)'", script)
    assert len(begins) == 2
    assert FIRST_COMMAND.startswith(begins[0])
    assert TEST_COMMAND.startswith(begins[1])
    assert not re.search(r"^\s*pip install", script, flags=re.MULTILINE)


def test_contributors_are_told_the_same_test_command() -> None:
    assert TEST_COMMAND in (REPOSITORY / "CONTRIBUTING.md").read_text("utf-8").splitlines()
