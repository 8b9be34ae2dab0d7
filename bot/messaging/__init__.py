"""Text in and out of Discord: no commands, no decisions."""
