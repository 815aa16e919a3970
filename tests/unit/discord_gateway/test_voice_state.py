"""What Discord says about the bot's own voice, and what of it is news."""

from __future__ import annotations

from timmybot.adapters.discord_gateway.voice_state import VoiceState
from timmybot.domain.ids import ChannelId, GuildId, UserId
from timmybot.ports.voice_signalling import Kicked, ServerChanged, ServerGone, VoiceServer

MUSIC, OTHER = ChannelId(5), ChannelId(6)


def in_channel(channel_id: int | None, session_id: str = "mine") -> dict[str, object]:
    return {"channel_id": channel_id and str(channel_id), "session_id": session_id, "user_id": "1"}


def server(endpoint: str | None = "eu.invalid", token: str = "t1") -> dict[str, object]:
    return {"endpoint": endpoint, "token": token}


def asked() -> VoiceState:
    voice = VoiceState(GuildId(1))
    voice.user_id = UserId(1)
    voice.ask(MUSIC)
    return voice


def joined() -> VoiceState:
    voice = asked()
    voice.hear_state(in_channel(MUSIC))
    voice.hear_server(server())
    assert voice.settle() == VoiceServer(GuildId(1), MUSIC, UserId(1), "eu.invalid", "mine", "t1")
    return voice


def test_an_arrangement_needs_both_events_in_either_order() -> None:
    voice = asked()
    voice.hear_server(server())
    assert voice.arranged() is None
    voice.hear_state(in_channel(MUSIC))
    assert voice.arranged() is not None
    voice.ask(MUSIC)
    assert voice.arranged() is None


def test_while_it_is_arranged_nothing_is_news_and_other_channels_do_not_count() -> None:
    voice = asked()
    assert voice.hear_state(in_channel(None)) is None
    assert voice.hear_state(in_channel(OTHER)) is None
    assert voice.hear_server(server(endpoint=None)) is None
    assert voice.hear_server(server()) is None
    assert voice.arranged() is None


def test_leaving_that_nobody_asked_for_is_a_kick_once() -> None:
    voice = joined()
    assert voice.hear_state(in_channel(None)) == Kicked()
    assert voice.hear_state(in_channel(None)) is None


def test_leaving_that_was_asked_for_is_no_kick() -> None:
    voice = joined()
    voice.ask(None)
    assert voice.hear_state(in_channel(None)) is None


def test_after_the_session_was_lost_a_leaving_is_no_kick() -> None:
    voice = joined()
    voice.session_lost()
    assert voice.hear_state(in_channel(None)) is None


def test_a_leaving_of_another_session_is_no_kick() -> None:
    assert joined().hear_state(in_channel(None, "another")) is None


def test_another_session_in_voice_takes_the_call_from_this_one() -> None:
    assert joined().hear_state(in_channel(MUSIC, "another")) == ServerGone()


def test_what_changes_neither_channel_nor_session_is_no_news_here() -> None:
    assert joined().hear_state(in_channel(MUSIC)) is None


def test_a_move_is_told_with_the_server_that_is_known_and_again_with_the_next() -> None:
    voice = joined()
    moved = voice.hear_state(in_channel(OTHER))
    assert isinstance(moved, ServerChanged)
    assert (moved.server.channel_id, moved.server.token) == (OTHER, "t1")
    followed = voice.hear_server(server(token="t2"))
    assert isinstance(followed, ServerChanged)
    assert (followed.server.channel_id, followed.server.token) == (OTHER, "t2")


def test_a_server_that_goes_is_told_and_so_is_the_one_that_comes() -> None:
    voice = joined()
    assert voice.hear_server(server(endpoint=None)) == ServerGone()
    assert isinstance(voice.hear_server(server("us.invalid", "t2")), ServerChanged)


def test_a_server_for_a_bot_that_is_not_in_voice_is_no_news() -> None:
    assert VoiceState(GuildId(1)).hear_server(server()) is None


def test_a_bot_that_is_removed_from_the_guild_is_kicked_from_its_voice() -> None:
    assert joined().hear_expulsion() == Kicked()
    assert VoiceState(GuildId(1)).hear_expulsion() is None


def held_up_in_the_network() -> VoiceState:
    """Two joins whose frames lay in the connection until it carried again: the first one's answers come first."""
    voice = VoiceState(GuildId(1))
    voice.user_id = UserId(1)
    for wish in (MUSIC, None, None, MUSIC):
        voice.ask(wish)
    voice.hear_state(in_channel(MUSIC))
    voice.hear_server(server())
    assert voice.settle() is not None
    return voice


def test_the_answer_to_an_older_leaving_is_no_kick_and_the_rejoin_is_followed() -> None:
    voice = held_up_in_the_network()
    assert voice.hear_state(in_channel(None)) == ServerGone()
    assert voice.hear_state(in_channel(None)) == ServerGone()
    assert voice.hear_state(in_channel(MUSIC)) is None
    renewed = VoiceServer(GuildId(1), MUSIC, UserId(1), "eu.invalid", "mine", "t2")
    assert voice.hear_server(server(token="t2")) == ServerChanged(renewed)
    assert voice.settled_in == MUSIC


def test_once_all_wishes_are_answered_a_kick_is_a_kick() -> None:
    voice = held_up_in_the_network()
    voice.hear_state(in_channel(None))
    voice.hear_state(in_channel(MUSIC))
    voice.hear_server(server(token="t2"))
    assert voice.hear_state(in_channel(None)) == Kicked()


def test_a_leaving_that_discord_passes_over_does_not_hide_a_kick() -> None:
    voice = VoiceState(GuildId(1))
    voice.user_id = UserId(1)
    for wish in (None, None, MUSIC):
        voice.ask(wish)
    voice.hear_state(in_channel(MUSIC))
    voice.hear_server(server())
    voice.settle()
    assert voice.hear_state(in_channel(None)) == Kicked()


def test_after_a_join_that_discord_refused_in_silence_a_kick_is_a_kick() -> None:
    voice = asked()
    voice.answered()
    voice.ask(None)
    voice.ask(MUSIC)
    voice.hear_state(in_channel(MUSIC))
    voice.hear_server(server())
    voice.settle()
    assert voice.hear_state(in_channel(None)) == Kicked()
