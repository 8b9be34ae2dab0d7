"""Discord's JSON objects, made from the world's state."""

from __future__ import annotations

from . import permissions
from .entities import Channel, ChannelKind, Guild, Json, Member, Role, User
from .world import World

# 10 MiB, what a server without boosts allows; https://discord.com/developers/docs/reference#uploading-files
FILE_LIMIT_BYTES = 10 * 1024 * 1024


def user_json(user: User) -> Json:
    """Return a user object."""
    found: Json = {
        "id": str(user.id),
        "username": user.username,
        "discriminator": "0000" if user.bot else "0",
        "global_name": None if user.bot else user.display_name,
        "avatar": None,
        "avatar_decoration_data": None,
        "collectibles": None,
        "primary_guild": None,
        "public_flags": 0,
        "flags": 0,
    }
    if user.bot:
        found["bot"] = True
    return found


def member_json(member: Member, *, with_user: bool = True) -> Json:
    """Return a guild member object."""
    found: Json = {
        "avatar": None,
        "banner": None,
        "communication_disabled_until": None,
        "flags": 0,
        "joined_at": member.joined_at,
        "nick": member.nick,
        "pending": False,
        "premium_since": None,
        "roles": [str(role.id) for role in member.roles],
        "mute": False,
        "deaf": False,
    }
    if with_user:
        found["user"] = user_json(member.user)
    return found


def role_json(role: Role) -> Json:
    """Return a role object."""
    found: Json = {
        "id": str(role.id),
        "name": role.name,
        "description": None,
        "permissions": str(int(role.permissions)),
        "position": role.position,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": role.managed_by is not None,
        "mentionable": role.mentionable,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }
    if role.managed_by is not None:
        found["tags"] = {"bot_id": str(role.managed_by.id)}
    return found


def channel_json(channel: Channel) -> Json:
    """Return a channel, thread or DM object."""
    last = None if channel.last_message_id is None else str(channel.last_message_id)
    if channel.guild is None:
        recipients = [user_json(user) for user in channel.recipients]
        return {
            "id": str(channel.id),
            "type": 1,
            "flags": 0,
            "recipients": recipients,
            "last_message_id": last,
        }
    found: Json = {
        "id": str(channel.id),
        "type": int(channel.kind),
        "flags": 0,
        "guild_id": str(channel.guild.id),
        "name": channel.name,
        "parent_id": None if channel.parent is None else str(channel.parent.id),
        "last_message_id": last,
        "rate_limit_per_user": 0,
    }
    return found | (_thread_fields(channel) if channel.is_thread else _guild_channel_fields(channel))


def _guild_channel_fields(channel: Channel) -> Json:
    found: Json = {
        "position": 0,
        "topic": channel.topic,
        "nsfw": False,
        "permission_overwrites": [
            {
                "id": str(target),
                "type": int(overwrite.of_member),
                "allow": str(int(overwrite.allow)),
                "deny": str(int(overwrite.deny)),
            }
            for target, overwrite in channel.overwrites.items()
        ],
    }
    if channel.kind is ChannelKind.VOICE:
        found |= {"bitrate": 64000, "user_limit": 0, "rtc_region": None}
    if channel.kind is ChannelKind.FORUM:
        found |= {
            "available_tags": [],
            "default_reaction_emoji": None,
            "default_sort_order": None,
            "default_forum_layout": 0,
        }
    return found


def _thread_fields(channel: Channel) -> Json:
    return {
        "owner_id": str(channel.owner.id) if channel.owner else None,
        "message_count": channel.message_count,
        "total_message_sent": channel.message_count,
        "member_count": len(channel.thread_members),
        "applied_tags": [],
        "thread_metadata": {
            "archived": channel.archived,
            "auto_archive_duration": 1440,
            "archive_timestamp": channel.created_at,
            "create_timestamp": channel.created_at,
            "locked": channel.locked,
        },
    }


def thread_member_json(channel: Channel, user: User) -> Json:
    """Return a thread member object."""
    return {"id": str(channel.id), "user_id": str(user.id), "join_timestamp": channel.created_at, "flags": 0}


def guild_json(guild: Guild) -> Json:
    """Return a guild object as REST gives it: without channels and members."""
    return {
        "id": str(guild.id),
        "name": guild.name,
        "icon": None,
        "description": None,
        "home_header": None,
        "splash": None,
        "discovery_splash": None,
        "features": [],
        "banner": None,
        "owner_id": str(guild.owner.id),
        "application_id": None,
        "region": "deprecated",
        "afk_channel_id": None,
        "afk_timeout": 300,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "widget_enabled": False,
        "widget_channel_id": None,
        "verification_level": 0,
        "roles": [role_json(role) for role in guild.roles.values()],
        "default_message_notifications": 1,
        "mfa_level": 0,
        "explicit_content_filter": 0,
        "max_presences": None,
        "max_members": 500_000,
        "max_stage_video_channel_users": 50,
        "max_video_channel_users": 25,
        "vanity_url_code": None,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "preferred_locale": guild.locale,
        "rules_channel_id": None,
        "safety_alerts_channel_id": None,
        "public_updates_channel_id": None,
        "premium_progress_bar_enabled": False,
        "nsfw": False,
        "nsfw_level": 0,
        "emojis": guild.emojis,
        "stickers": [],
        "incidents_data": None,
    }


def guild_create_json(guild: Guild, world: World) -> Json:
    """Return GUILD_CREATE: what the bot may see of the guild, and of the members only itself."""
    bot = world.bot
    mine = guild.members[bot.id]
    channels = [channel for channel in guild.channels.values() if not channel.is_thread]
    threads = [
        channel_json(channel) | {"member": thread_member_json(channel, bot)}
        if bot.id in channel.thread_members
        else channel_json(channel)
        for channel in guild.channels.values()
        if channel.is_thread and not channel.archived and permissions.in_channel(channel, bot)
    ]
    return guild_json(guild) | {
        "joined_at": mine.joined_at,
        "large": len(guild.members) > 250,
        "unavailable": False,
        "member_count": len(guild.members),
        "voice_states": [],
        "members": [member_json(mine)],
        "channels": [channel_json(channel) for channel in channels],
        "threads": threads,
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
        "embedded_activities": [],
    }


def application_json(world: World, owner: User | None, flags: int) -> Json:
    """Return the application object that its own bot gets."""
    return {
        "id": str(world.application_id),
        "name": world.bot.display_name,
        "icon": None,
        "description": "",
        "summary": "",
        "type": None,
        "verify_key": "0" * 64,
        "flags": flags,
        "flags_new": str(flags),
        "bot": user_json(world.bot),
        "bot_public": True,
        "bot_require_code_grant": False,
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "owner": user_json(owner or world.bot),
        "approximate_guild_count": len(world.guilds),
        "approximate_user_install_count": sum(user.has_app for user in world.users.values()),
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "team": None,
        "eligible_oauth2_scopes": [],
        "integration_types_config": {"0": {}, "1": {}},
        "tags": [],
    }
