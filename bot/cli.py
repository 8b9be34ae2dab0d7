"""The command line: `run` (the default) and `try`."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from bot import __version__, app, config, trial
from bot.store.address import DatabaseMisconfigured, DatabaseUnavailable

# Exit codes of sysexits.h, which service managers understand.
EX_OK, EX_UNAVAILABLE, EX_CONFIG = 0, 69, 78
# What a shell reports of a program that SIGINT ended.
_EX_INTERRUPTED = 128 + signal.SIGINT


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; the process's exit code."""
    options = _parser().parse_args(arguments)
    try:
        return asyncio.run(options.command(options))
    except (config.ConfigError, app.StartRefused, trial.TrialUnavailable, DatabaseMisconfigured) as mistake:
        print(mistake, file=sys.stderr)
        return EX_CONFIG
    except DatabaseUnavailable as unavailable:
        print(unavailable, file=sys.stderr)
        return EX_UNAVAILABLE
    except KeyboardInterrupt:
        return EX_OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="parley", description="A Discord chat bot.")
    parser.add_argument("--version", action="version", version=f"Parley {__version__}")
    parser.add_argument(
        "--config", type=Path, help="the configuration file (default: config.yaml if it is there)"
    )
    parser.set_defaults(command=_run)
    commands = parser.add_subparsers(title="commands")
    run = commands.add_parser("run", help="be a bot on Discord (the default)")
    run.add_argument("--config", type=Path, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    run.set_defaults(command=_run)
    attempt = commands.add_parser(
        "try", help="talk to the bot in a playground: no account, no key, no network"
    )
    attempt.add_argument(
        "--config",
        type=Path,
        default=argparse.SUPPRESS,
        help="a configuration file, for its model and settings (default: none, not even config.yaml)",
    )
    attempt.add_argument("--port", help="where the playground's page is (default: the first free from 8765)")
    attempt.add_argument("--no-browser", action="store_true", help="only print the page's address")
    attempt.set_defaults(command=_try)
    return parser


async def _run(options: argparse.Namespace) -> int:
    settings = config.load(config.find(options.config, os.environ, Path.cwd()), os.environ)
    _log_to_stderr(settings.log.level)
    async with app.opened(settings) as parley:
        _stop_on_signals(parley)
        await parley.run()
    return EX_OK


async def _try(options: argparse.Namespace) -> int:
    _log_to_stderr("warning")
    port = None if options.port is None else trial.port_of(options.port)
    config_file = config.find(options.config, os.environ, Path.cwd(), standard=None)
    async with trial.opened(os.environ, port=port, config_file=config_file) as opened:
        _stop_on_signals(opened.parley)
        running = asyncio.create_task(opened.parley.run(), name="parley")
        print(f"\n  Parley is at {opened.page_url}\n  {opened.model}\n  Stop it with Ctrl+C.\n", flush=True)
        if not options.no_browser:
            await trial.show(opened.page_url)
        await running
    return EX_OK


def _stop_on_signals(parley: app.App) -> None:
    """SIGTERM and Ctrl+C let the bot finish what it answers; a second Ctrl+C ends it at once."""
    loop = asyncio.get_running_loop()

    def interrupt() -> None:
        # Whatever is under way is in the database, as it would be after a power cut.
        loop.add_signal_handler(signal.SIGINT, os._exit, _EX_INTERRUPTED)
        print("\nStopping; Ctrl+C again ends it at once.", file=sys.stderr, flush=True)
        parley.stop()

    # Windows has no signal handlers on the loop; there, Ctrl+C ends the process as it always does.
    with suppress(NotImplementedError):
        loop.add_signal_handler(signal.SIGTERM, parley.stop)
        loop.add_signal_handler(signal.SIGINT, interrupt)


def _log_to_stderr(level: str) -> None:
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    # At debug level these write down requests and payloads, and with them what people say.
    for name in ("discord", "openai"):
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLogger().level))
    # At info level already: every statement, and every address that is asked.
    for name in ("sqlalchemy", "aiosqlite", "httpx2", "httpcore2", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
