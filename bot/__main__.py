"""`python -m bot`."""

# Nothing here may need a new Python: an old one is to get as far as the sentence below.
import sys


def main() -> int:
    """Do what the command line says; the process's exit code."""
    if sys.version_info < (3, 11):  # noqa: UP036 - without an installation, nothing else has looked
        found = ".".join(map(str, sys.version_info[:2]))
        sys.exit("Parley needs Python 3.11 or newer, and this is " + found + ".")
    try:
        # Imported here, so that Ctrl+C during the second that it takes is quiet too.
        from bot import cli

        return cli.main()
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
