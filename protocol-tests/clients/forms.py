"""The one-shot from Python, by aiohttp and by requests, with the file's own name."""

import asyncio
import json
import os
import sys

import aiohttp
import requests

config = json.loads(sys.argv[1])
headers = {"Authorization": f"Bearer {config['token']}"}
name = os.path.basename(config["file"])


def tell(event, data=None):
    print(json.dumps({"event": event, "data": data}), flush=True)


async def by_aiohttp():
    form = aiohttp.FormData()
    with open(config["file"], "rb") as file:
        form.add_field("file", file, filename=name, content_type=config["type"])
        for key, value in config["fields"].items():
            form.add_field(key, value)
        async with aiohttp.ClientSession(headers=headers) as session:
            async with session.post(config["url"], data=form) as answer:
                tell("aiohttp", await answer.json())


def by_requests():
    with open(config["file"], "rb") as file:
        files = {"file": (name, file, config["type"])}
        answer = requests.post(config["url"], headers=headers, data=config["fields"], files=files, timeout=60)
        tell("requests", answer.json())


asyncio.run(by_aiohttp())
by_requests()
