"""A store that speaks S3, asked over HTTP: moto's server, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3


@contextmanager
def running() -> Iterator[str]:
    """`PARVIS_FILES_URL` of a bucket that holds something of somebody else, for as long as the block."""
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "tests.s3"],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "PYTHONPATH": "."},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        try:
            assert server.stdout is not None
            host = f"127.0.0.1:{int(server.stdout.readline())}"
            client = boto3.client(
                "s3",
                endpoint_url=f"http://{host}",
                region_name="us-east-1",
                aws_access_key_id="parvis",
                aws_secret_access_key="s3/cret",
            )
            client.create_bucket(Bucket="pieces")
            client.put_object(Bucket="pieces", Key="others/a", Body=b"not ours")
            yield f"s3+http://parvis:s3%2Fcret@{host}/pieces/parvis"
        finally:
            server.kill()


def _serve() -> None:
    """Say on which port the server listens, and serve until killed."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    print(server.get_host_and_port()[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    _serve()
