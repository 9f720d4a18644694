"""Keys: who may trade. Signs and verifies Binance's Ed25519 requests and `session.logon`; reads and writes key files.

A key file is TOML of mode 0600, or an inherited descriptor (memfd) that never had a name:

    api_key = "kR4x..."                      public name of the key, 64 letters and digits
    private_key = \"\"\"
    -----BEGIN PRIVATE KEY-----              PKCS #8 PEM of an Ed25519 key
    ...
    \"\"\"

Only Credentials hold the private half, and only inside OpenSSL: nothing here prints, pickles or raises it. A Verifier
holds the public half and may travel between processes. Timestamps are ms of the Unix clock, given by the caller.
"""

import base64
import binascii
import json
import os
import secrets
import stat
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, unquote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

KEY_FILE_BYTES_MAX = 4096
RECEIVE_WINDOW_MS = 5_000
RECEIVE_WINDOW_MS_MAX = 60_000
FUTURE_MS_MAX = 1_000

BAD_SIGNATURE = -1022
BAD_TIMESTAMP = -1021
BAD_KEY = -2015


class CredentialsError(ValueError):
    """A key file that cannot be used: names the file, what was found and what is allowed, and never the key."""


class Credentials:
    """An API key with its private Ed25519 key. Signs; shows nothing."""

    __slots__ = ("_private_key", "api_key")

    def __init__(self, api_key: str, private_key: Ed25519PrivateKey) -> None:
        self.api_key = api_key
        self._private_key = private_key

    @classmethod
    def fresh(cls) -> "Credentials":
        """A new random pair, for the embedded exchange and for tests."""
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
        return cls("".join(secrets.choice(alphabet) for _ in range(64)), Ed25519PrivateKey.generate())

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> "Credentials":
        """Read a key file. Raises CredentialsError if it is missing, not ours, open to others, or not a key file."""
        name = f"key file {os.fspath(path)}"
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise CredentialsError(f"{name}: {error.strerror}; allowed: a readable file of mode 0600") from None
        try:
            return cls.from_descriptor(descriptor, name)
        finally:
            os.close(descriptor)

    @classmethod
    def from_descriptor(cls, descriptor: int, name: str = "") -> "Credentials":
        """Read a key file through an open descriptor, from its start, leaving its position: several may read it.

        A memory file without a name needs no mode; a named file is held to 0600 and to our own user.
        """
        name = name or f"key descriptor {descriptor}"
        try:
            status = os.fstat(descriptor)
        except OSError as error:
            raise CredentialsError(f"{name}: {error.strerror}; allowed: an open descriptor of a key file") from None
        if not stat.S_ISREG(status.st_mode):
            raise CredentialsError(f"{name}: found no regular file, allowed: a regular file or a memory file")
        mode = stat.S_IMODE(status.st_mode)
        if status.st_nlink > 0 and mode != 0o600:
            raise CredentialsError(f"{name}: found mode {mode:04o}, allowed 0600")
        if status.st_nlink > 0 and status.st_uid != os.geteuid():
            raise CredentialsError(f"{name}: found owner uid {status.st_uid}, allowed uid {os.geteuid()}")
        if status.st_size > KEY_FILE_BYTES_MAX:
            raise CredentialsError(f"{name}: found {status.st_size} bytes, allowed up to {KEY_FILE_BYTES_MAX}")
        # The text lives only in the callee's frame: no traceback of ours has it among its locals.
        found = _parse(descriptor)
        if isinstance(found, str):
            raise CredentialsError(f"{name}: {found}")
        return cls(*found)

    def sign(self, text: bytes) -> str:
        """Base64 of the Ed25519 signature of `text`."""
        return base64.b64encode(self._private_key.sign(text)).decode()

    def signed_target(self, target: str, timestamp_ms: int) -> str:
        """A REST path with its query, timestamp and signature appended."""
        path, _, query = target.partition("?")
        query = f"{query}&timestamp={timestamp_ms}" if query else f"timestamp={timestamp_ms}"
        return f"{path}?{query}&signature={quote(self.sign(query.encode()), safe='')}"

    def logon_frame(self, request_id: str, timestamp_ms: int) -> bytes:
        """The `session.logon` request, signed over its sorted parameters."""
        signature = self.sign(f"apiKey={self.api_key}&timestamp={timestamp_ms}".encode())
        parameters = {"apiKey": self.api_key, "signature": signature, "timestamp": timestamp_ms}
        return json.dumps({"id": request_id, "method": "session.logon", "params": parameters}).encode()

    def verifier(self) -> "Verifier":
        """The public half, for the exchange."""
        public = self._private_key.public_key()
        raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return Verifier(api_key=self.api_key, public_key=raw)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write a new key file of mode 0600. Raises CredentialsError where the file exists or cannot be made."""
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            message = f"key file {os.fspath(path)}: {error.strerror}; allowed: a new file in a writable folder"
            raise CredentialsError(message) from None
        try:
            os.fchmod(descriptor, 0o600)
            os.write(descriptor, self._text())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def memory_descriptor(self) -> int:
        """A nameless memory file that holds the key file, for processes that inherit it. The caller closes it."""
        descriptor = os.memfd_create("trader-key", os.MFD_CLOEXEC)
        os.write(descriptor, self._text())
        return descriptor

    def _text(self) -> bytes:
        pem = self._private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return f'api_key = "{self.api_key}"\nprivate_key = """\n{pem.decode()}"""\n'.encode()

    def __repr__(self) -> str:
        return f"Credentials(api_key='{self.api_key[:4]}...', private key hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("Credentials cannot be pickled: hand over a key file or its descriptor")


def generate(path: str | os.PathLike[str]) -> Credentials:
    """Make a fresh pair and its key file (mode 0600). Raises CredentialsError where the file exists."""
    credentials = Credentials.fresh()
    credentials.write(Path(path))
    return credentials


def _parse(descriptor: int) -> tuple[str, Ed25519PrivateKey] | str:
    """The key file's content, or what is wrong with it in words that hold none of it."""
    try:
        fields = tomllib.loads(os.pread(descriptor, KEY_FILE_BYTES_MAX, 0).decode())
    except ValueError:
        return "found no TOML, allowed: lines api_key = ... and private_key = ..."
    except OSError as error:
        return f"{error.strerror}; allowed: a descriptor open for reading"
    unknown = sorted(fields.keys() - {"api_key", "private_key"})
    if unknown or len(fields) != 2:
        return f"found {len(fields)} keys, {len(unknown)} of them unknown, allowed: api_key and private_key"
    api_key, pem = fields["api_key"], fields["private_key"]
    if not isinstance(api_key, str) or not (api_key.isascii() and api_key.isalnum()):
        return "api_key: found something else, allowed: ASCII letters and digits"
    try:
        key = serialization.load_pem_private_key(pem.strip().encode(), password=None)
    except Exception:  # the reasons of OpenSSL are many, and its words may quote the text
        return "private_key: found no readable PEM, allowed: an unencrypted PKCS #8 PEM of an Ed25519 key"
    if not isinstance(key, Ed25519PrivateKey):
        return f"private_key: found {type(key).__name__}, allowed: an Ed25519 key"
    return api_key, key


@dataclass(frozen=True)
class Verifier:
    """The public half of a key: what the exchange needs. `public_key`: 32 raw bytes."""

    api_key: str
    public_key: bytes

    def verify(self, text: bytes, signature: str) -> bool:
        """Whether `signature` (base64) is this key's signature of `text`."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(base64.b64decode(signature, validate=True), text)
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True

    def verify_request(self, api_key: str, query: str, body: str, now_ms: int) -> int:
        """Check a signed REST request: 0, or the venue's error code (BAD_KEY, BAD_TIMESTAMP, BAD_SIGNATURE).

        Signed is the query followed by the form body, each without its `signature`.
        """
        signature, timestamp, window = "", "", str(RECEIVE_WINDOW_MS)
        signed = []
        for part in (query, body):
            kept = []
            for field in part.split("&"):
                name, _, value = field.partition("=")
                if name == "signature":
                    signature = unquote(value)
                    continue
                timestamp = value if name == "timestamp" else timestamp
                window = value if name == "recvWindow" else window
                kept.append(field)
            signed.append("&".join(kept))
        if api_key != self.api_key:
            return BAD_KEY
        if not _is_recent(timestamp, window, now_ms):
            return BAD_TIMESTAMP
        return 0 if self.verify("".join(signed).encode(), signature) else BAD_SIGNATURE

    def answer_logon(self, frame: bytes, now_ms: int) -> tuple[bool, bytes] | None:
        """Verify a `session.logon` frame: (whether it is good, the reply to send); None where it is something else."""
        if b'"session.logon"' not in frame:
            return None
        try:
            request = json.loads(frame)
            parameters = dict(request["params"])
            if request["method"] != "session.logon":
                return None
        except (ValueError, KeyError, TypeError):
            return None
        code = self._check_logon(parameters, now_ms)
        reply: dict[str, Any] = {"id": request.get("id")}
        if code == 0:
            times = {"authorizedSince": now_ms, "connectedSince": now_ms, "serverTime": now_ms}
            reply |= {"status": 200, "result": {"apiKey": self.api_key, "returnRateLimits": False, **times}}
        else:
            reply |= {"status": 401, "error": {"code": code, "msg": "Signature, timestamp or API key is not valid."}}
        return code == 0, json.dumps(reply).encode()

    def _check_logon(self, parameters: dict[str, Any], now_ms: int) -> int:
        signature = parameters.pop("signature", "")
        if parameters.get("apiKey") != self.api_key:
            return BAD_KEY
        window = str(parameters.get("recvWindow", RECEIVE_WINDOW_MS))
        if not _is_recent(str(parameters.get("timestamp", "")), window, now_ms):
            return BAD_TIMESTAMP
        text = "&".join(f"{name}={parameters[name]}" for name in sorted(parameters))
        return 0 if isinstance(signature, str) and self.verify(text.encode(), signature) else BAD_SIGNATURE


def _is_recent(timestamp: str, window: str, now_ms: int) -> bool:
    """Whether a request's timestamp lies in its receive window, both in ms."""
    if not (timestamp.isdecimal() and window.isdecimal() and len(timestamp) <= 19 and len(window) <= 5):
        return False
    age_ms = now_ms - int(timestamp)
    return -FUTURE_MS_MAX < age_ms <= min(int(window), RECEIVE_WINDOW_MS_MAX)
