"""What the bot says, a file a language."""
