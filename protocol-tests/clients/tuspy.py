"""tuspy with its own defaults, uploading a file from the disk.

Options that `config` leaves out keep the library's defaults. With `urlStorage` the URL of the upload
is remembered in that file, and an earlier upload is resumed.
"""

import asyncio
import json
import sys

from tusclient.client import TusClient
from tusclient.storage.filestorage import FileStorage

config = json.loads(sys.argv[1])


def tell(event, data=None):
    print(json.dumps({"event": event, "data": data}), flush=True)


def settings():
    given = {"metadata": config["metadata"], **config["options"]}
    if "urlStorage" in config:
        given.update(store_url=True, url_storage=FileStorage(config["urlStorage"]))
    return given


def made(uploader):
    tell("open", {"url": uploader.url, "offset": uploader.offset})
    return uploader


def at_its_end(uploader):
    return uploader.offset >= uploader.get_file_size()


# Sends chunk by chunk, as `upload` does, and reports each chunk.
def send(client):
    uploader = made(client.uploader(config["file"], **settings()))
    while not at_its_end(uploader):
        uploader.upload_chunk()
        tell("accepted", {"offset": uploader.offset, "url": uploader.url})
    return uploader


async def send_async(client):
    uploader = made(client.async_uploader(config["file"], **settings()))
    await uploader.upload()
    return uploader


client = TusClient(config["endpoint"], headers={"Authorization": f"Bearer {config['token']}"})
try:
    uploader = asyncio.run(send_async(client)) if config.get("async") else send(client)
    headers = uploader.request.response_headers
    tell("success", {"url": uploader.url, "message_id": headers.get("chat-message-id")})
except Exception as error:
    tell("error", {"message": repr(error)})
