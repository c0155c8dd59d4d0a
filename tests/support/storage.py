"""S3-compatible storage for the tests: moto's server in a process of its own, and a gate before it."""

import json
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
import requests

from tests.support.daemons import Daemon, answers
from tests.support.servers import closed_port

_REGION = "us-east-1"
_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


class S3Server:
    """A server with one bucket that checks keys and signatures; use as a context manager.

    Attributes:
        bucket: its name.
        port: where it listens.
        address: the same as a URL.
        key: the account's.
        secret: of that key; both are new at every start.
        disk: what a dead server leaves behind, and a new start puts back.
    """

    bucket = "bucket-of-the-test"

    def __init__(self, folder: Path) -> None:
        self.port = closed_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.key = self.secret = ""
        self.disk: dict[str, bytes] = {}
        self._daemon = Daemon([sys.executable, "-m", "moto.server", "-p", str(self.port)], folder)

    def start(self) -> None:
        """Start it and make the bucket and an account."""
        self._daemon.start(lambda: answers(f"{self.address}/moto-api/"))
        try:
            self._prepare()
        except BaseException:
            self._daemon.stop()
            raise

    def kill(self) -> None:
        """End it as `kill -9` does. moto keeps objects in memory alone, so they are saved first, as on a disk."""
        self.disk = {name: self.get(name) for name in self.objects()}
        self._daemon.kill()

    @cached_property
    def client(self) -> Any:
        """The account's client, in place of the storage's own tool."""
        return self._client("s3", self.key, self.secret)

    def objects(self) -> list[str]:
        """The names of all objects."""
        listed = self.client.list_objects_v2(Bucket=self.bucket)
        return [entry["Key"] for entry in listed.get("Contents", [])]

    def get(self, name: str) -> bytes:
        """An object."""
        return self.client.get_object(Bucket=self.bucket, Key=name)["Body"].read()

    def put(self, name: str, body: bytes) -> None:
        """Write an object."""
        self.client.put_object(Bucket=self.bucket, Key=name, Body=body)

    def delete(self, name: str) -> None:
        """Remove an object."""
        self.client.delete_object(Bucket=self.bucket, Key=name)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._daemon.stop()

    def _prepare(self) -> None:
        accounts = self._client("iam", "anybody", "anything")
        accounts.create_user(UserName="team")
        accounts.put_user_policy(UserName="team", PolicyName="all", PolicyDocument=json.dumps(_ALL))
        made = accounts.create_access_key(UserName="team")["AccessKey"]
        self.key, self.secret = made["AccessKeyId"], made["SecretAccessKey"]
        self._client("s3", "anybody", "anything").create_bucket(Bucket=self.bucket)
        requests.post(f"{self.address}/moto-api/reset-auth", data="0", timeout=10).raise_for_status()  # from now on
        self.__dict__.pop("client", None)
        for name, body in self.disk.items():
            self.put(name, body)

    def _client(self, service: str, key: str, secret: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.address,
            region_name=_REGION,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
        )


class Gate:
    """Passes connections on to a server, and counts the uploads that begin; use as a context manager."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._uploads, self._number = 0, 0
        self._action: Callable[[], None] = lambda: None
        self._lock = threading.Lock()

    def at_upload(self, number: int, action: Callable[[], None]) -> None:
        """Do this when the upload of that number begins; the upload itself goes no further."""
        self._number, self._action = number, action

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(("127.0.0.1", self._port)) as server:
            threading.Thread(target=_pass_on, args=(server, client), daemon=True).start()
            while data := client.recv(1 << 16):
                # A client waits for the answer before it asks again, so a request is the beginning of what it sends.
                if data.startswith(b"PUT ") and self._is_the_one():
                    self._action()
                    return
                server.sendall(data)

    def _is_the_one(self) -> bool:
        with self._lock:
            self._uploads += 1
            return self._uploads == self._number


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
