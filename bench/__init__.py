"""What we claim about speed and memory, measured beside a bare bot: `python -m bench`."""
