"""The baseline: the Discord bot that a competent person writes in an evening. No memory, no database."""

import os
import re
import time

import discord
from openai import AsyncOpenAI

EDIT_INTERVAL_S = 1.0

intents = discord.Intents.none()
intents.guilds = intents.guild_messages = intents.dm_messages = intents.message_content = True
client = discord.Client(intents=intents)
openai = AsyncOpenAI()


@client.event
async def on_message(message: discord.Message) -> None:
    me = client.user
    if me is None or message.author == me or me not in message.mentions:
        return
    question = re.sub(rf"<@!?{me.id}>", "", message.content).strip()
    stream = await openai.chat.completions.create(
        model=os.environ["OPENAI_MODEL"],
        messages=[
            {"role": "system", "content": "You are a helpful member of a Discord server."},
            {"role": "user", "content": question},
        ],
        stream=True,
    )
    text, reply, edited_at = "", None, 0.0
    async for chunk in stream:
        if not chunk.choices or not (piece := chunk.choices[0].delta.content):
            continue
        text += piece
        if reply is None:
            reply, edited_at = await message.reply(text[:2000]), time.monotonic()
        elif time.monotonic() - edited_at >= EDIT_INTERVAL_S:
            await reply.edit(content=text[:2000])
            edited_at = time.monotonic()
    if reply is not None and reply.content != text[:2000]:
        await reply.edit(content=text[:2000])


def main() -> None:
    client.run(os.environ["DISCORD_TOKEN"])
