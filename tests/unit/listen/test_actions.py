"""``--do`` and the rest of the command line: what is understood, and what is refused with status 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.listen.actions import Action, Misused, read_actions
from sandbox.listen.arguments import read_arguments
from timmybot.services.command_definitions import DEFINITIONS


def test_actions_are_in_the_order_of_their_times_with_the_options_of_their_commands() -> None:
    assert read_actions("restart@12 volume=50@10 pause@5 resume@7.5 loop=track@1") == [
        Action("loop", 1.0, {"mode": "track"}),
        Action("pause", 5.0),
        Action("resume", 7.5),
        Action("volume", 10.0, {"percent": 50}),
        Action("restart", 12.0, {"how": "stop"}),
    ]


def test_of_two_actions_at_one_time_the_one_named_first_comes_first() -> None:
    assert [action.name for action in read_actions("skip@3 pause@3 resume@3")] == ["skip", "pause", "resume"]


def test_options_are_named_or_given_in_their_order() -> None:
    assert read_actions("skip=to:2@1 move=1,3@2 settings=leave_after:5@3") == [
        Action("skip", 1.0, {"to": 2}),
        Action("move", 2.0, {"position": 1, "to": 3}),
        Action("settings", 3.0, {"leave_after": 5}),
    ]


def test_a_link_may_have_commas_and_an_at_in_it_and_a_file_name_may_be_quoted() -> None:
    assert read_actions("play=http://a@b/x,y.mp3@4 'play=my song.mp3@5' play=next:true,http://a/b,c@6") == [
        Action("play", 4.0, {"url": "http://a@b/x,y.mp3"}),
        Action("play", 5.0, {"url": "my song.mp3"}),
        Action("play", 6.0, {"next": True, "url": "http://a/b,c"}),
    ]


def test_every_command_of_the_bot_that_needs_no_option_is_an_action() -> None:
    for definition in DEFINITIONS:
        if not any(option.get("required") for option in definition["options"]):
            assert read_actions(f"{definition['name']}@1") == [Action(definition["name"], 1.0)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("dance@1", "there is no action 'dance'"),
        ("@1", "there is no action ''"),
        ("pause", "has no time"),
        ("pause@", "no number of seconds"),
        ("pause@soon", "no number of seconds"),
        ("pause@-1", "no number of seconds"),
        ("pause@nan", "no number of seconds"),
        ("pause@1e9", "no number of seconds"),
        ("pause=1@2", "nothing takes '1'"),
        ("volume=loud@1", "is not integer"),
        ("volume=999@1", "out of bounds"),
        ("filter=echo@1", "not among the choices"),
        ("filter@1", "is required"),
        ("restart=gently@1", "stop or kill"),
        ("'pause@1", "No closing quotation"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_reason(text: str, why: str) -> None:
    with pytest.raises(Misused, match=why):
        read_actions(text)


@pytest.fixture
def song(tmp_path: Path) -> str:
    path = tmp_path / "song.mp3"
    path.write_bytes(b"-")
    return str(path)


def test_it_listens_for_as_long_as_the_actions_need_unless_told(song: str) -> None:
    assert read_arguments([song]).plan.seconds == 10.0
    assert read_arguments([song, "--do", "pause@8"]).plan.seconds == 13.0
    assert read_arguments([song, "--do", "restart@12"]).plan.seconds == 32.0
    assert read_arguments([song, "--do", "pause@2", "--do", "resume@3", "--seconds", "4"]).plan.seconds == 4.0


def test_a_link_to_this_machine_may_be_fetched_and_no_other_that_is_not_public() -> None:
    def allowed(url: str) -> tuple[str, ...]:
        return read_arguments([url]).allow_hosts

    assert allowed("http://127.0.0.1:8080/a") == ("127.0.0.1:8080",)
    assert allowed("https://localhost/a") == ("localhost:443",)
    assert allowed("http://[::1]:90/a") == ("::1:90",)
    assert allowed("http://192.168.0.2/a") == ()
    assert allowed("http://example.org:8080/a") == ()
    assert allowed("http://127.0.0.1:99999/a") == ()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "required"),
        (["{song}", "--seconds", "0"], "longer than 0"),
        (["{song}", "--seconds", "inf"], "no number of seconds"),
        (["{song}", "--seconds", "x"], "no number of seconds"),
        (["{song}", "--seconds", "5", "--do", "pause@6"], "after the end"),
        (["{song}", "--do", "play=there-is-none.mp3@1"], "there is no file"),
        (["{song}", "--dance"], "unrecognized"),
        (["there-is-none.mp3"], "there is no file"),
        (["/"], "is no file"),
        (["a\0b"], "no file"),
        ([""], "no file"),
        (["{song}", "--log", "/"], "cannot be written"),
    ],
)
def test_misuse_ends_with_status_2_and_a_reason(
    arguments: list[str], why: str, song: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        read_arguments([argument.replace("{song}", song) for argument in arguments])
    assert ended.value.code == 2
    assert why in capsys.readouterr().err
