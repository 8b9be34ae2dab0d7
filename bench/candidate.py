"""The process of a bot under test: `python -m bench.candidate ours|bare REST_URL GATEWAY_URL`."""

import sys

import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route


def main(name: str, rest_url: str, gateway_url: str) -> int:
    """Be that bot, as its own command line would, but at the playground with these addresses."""
    Route.BASE = rest_url
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url)
    # Imported here, so that neither bot has the other's modules in memory.
    if name == "ours":
        from bot import cli

        return cli.main(["run"])
    from bench import bare

    bare.main()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
