"""The command line: `python -m tagdesk_ghost serve`, or `catch-up` for posts that no webhook came for."""

import argparse
import asyncio
import logging
import os
import re
import sqlite3
import sys
from datetime import UTC, datetime, timedelta

import httpx
import uvicorn

from tagdesk_ghost.asking import Failed, Refused
from tagdesk_ghost.bridge import create_app
from tagdesk_ghost.settings import Settings, SettingsError
from tagdesk_ghost.state import State
from tagdesk_ghost.tagging import Tagger


def main() -> int:
    """Do what the command line says; return the exit code: 1 where a post failed, 2 where a setting is wrong."""
    arguments = _parser().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        settings = Settings.from_environment(os.environ)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        state = State(settings.state)
    except (OSError, sqlite3.Error) as error:
        print(f"GHOST_STATE: cannot use {settings.state}: {error}", file=sys.stderr)
        return 2
    if arguments.command == "catch-up":
        return asyncio.run(catch_up(settings, state, arguments.since))
    uvicorn.run(create_app(settings, state), host=arguments.host, port=arguments.port, access_log=False)
    return 0


async def catch_up(settings: Settings, state: State, since: str) -> int:
    """Tag the posts published since a day that were never tagged; return 1 where some failed."""
    done = failed = 0
    async with httpx.AsyncClient(timeout=20, trust_env=False) as client:
        tagger = Tagger(settings, client, state)
        try:
            # Read to the end first: new tags move posts from one page to another.
            posts = [post async for post in tagger.untagged(since)]
        except (Failed, Refused, httpx.HTTPError) as error:
            print(f"Cannot list the posts: {str(error) or type(error).__name__}", file=sys.stderr)
            return 1
        for number, post in enumerate(posts, 1):
            try:
                done += bool(await tagger.tag(post))
            except (Failed, Refused) as error:
                failed += 1
                print(f"post {post}: {error}", file=sys.stderr)
            print(f"{number} of {len(posts)} posts: {done} tagged, {failed} failed", flush=True)
    return 1 if failed else 0


def _day(text: str) -> str:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise argparse.ArgumentTypeError("a day such as 2026-11-24")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tagdesk_ghost", description="Tags for Ghost.")
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="answer Ghost's webhooks")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8090)
    late = commands.add_parser("catch-up", help="tag published posts that were never tagged")
    week = (datetime.now(UTC) - timedelta(days=7)).date().isoformat()
    late.add_argument("--since", type=_day, default=week, help="day of publication, a week ago unless given")
    return parser


if __name__ == "__main__":
    sys.exit(main())
