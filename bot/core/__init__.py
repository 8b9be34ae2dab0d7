"""What the bot decides: standard library only, no I/O, no Discord, no model provider, no SQL."""
