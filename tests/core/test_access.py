"""One rule says who may do what."""

import pytest

from bot.core.access import Action, Actor, authorize
from bot.core.errors import Problem, Told
from bot.core.model import Place

SERVER = Place(channel_id=1, guild_id=2)
DM = Place(channel_id=1)
MEMBER = Actor(id=1)
CHANNEL_MANAGER = Actor(id=1, manages_channel=True)
SERVER_MANAGER = Actor(id=1, manages_channel=True, manages_server=True)
FOR_EVERYBODY = [Action.CHAT, Action.IMAGINE, Action.RESET, Action.SHOW_SETTINGS]


@pytest.mark.parametrize("place", [SERVER, DM])
@pytest.mark.parametrize("action", FOR_EVERYBODY)
def test_everybody_may_talk_paint_reset_and_see_the_settings(action: Action, place: Place) -> None:
    authorize(MEMBER, place, action)


@pytest.mark.parametrize("place", [SERVER, DM])
@pytest.mark.parametrize("action", Action)
def test_bots_may_nothing(action: Action, place: Place) -> None:
    with pytest.raises(Told):
        authorize(Actor(id=1, is_bot=True, manages_channel=True, manages_server=True), place, action)


def test_setting_takes_the_permission_to_manage_what_is_set() -> None:
    authorize(CHANNEL_MANAGER, SERVER, Action.SET_FOR_CHANNEL)
    authorize(SERVER_MANAGER, SERVER, Action.SET_FOR_SERVER)
    for actor, action, permission in [
        (MEMBER, Action.SET_FOR_CHANNEL, "Manage Channels"),
        (CHANNEL_MANAGER, Action.SET_FOR_SERVER, "Manage Server"),
    ]:
        with pytest.raises(Told) as refused:
            authorize(actor, SERVER, action)
        assert refused.value.params == {"permission": permission}


def test_a_dm_belongs_to_its_person_and_has_no_server() -> None:
    authorize(MEMBER, DM, Action.SET_FOR_CHANNEL)
    with pytest.raises(Told) as refused:
        authorize(SERVER_MANAGER, DM, Action.SET_FOR_SERVER)
    assert refused.value.problem is Problem.SERVER_ONLY
