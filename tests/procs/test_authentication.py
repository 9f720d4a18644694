"""Keys: files, modes, signatures, and that the private half never shows."""

import base64
import copy
import os
import pickle
import traceback
from urllib.parse import parse_qs

import pytest

from procs.transport.authentication import (
    BAD_KEY,
    BAD_SIGNATURE,
    BAD_TIMESTAMP,
    Credentials,
    CredentialsError,
    generate,
)

NOW_MS = 1_723_161_256_000


def secret_of(path):
    """The lines of the PEM that carry the key."""
    return [line for line in path.read_text().split("\n") if len(line) > 40 and "api_key" not in line]


def test_generated_file_is_private_and_reads_back(tmp_path):
    path = tmp_path / "key.toml"
    made = generate(path)
    read = Credentials.from_file(path)

    assert path.stat().st_mode & 0o777 == 0o600
    assert read.api_key == made.api_key
    assert read.sign(b"text") == made.sign(b"text")
    with pytest.raises(CredentialsError, match=r"key file .*key\.toml: File exists; allowed: a new file"):
        generate(path)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o700, 0o400])
def test_other_modes_are_refused_with_file_found_and_allowed(tmp_path, mode):
    path = tmp_path / "key.toml"
    generate(path)
    path.chmod(mode)

    with pytest.raises(CredentialsError, match=rf"key file {path}: found mode {mode:04o}, allowed 0600"):
        Credentials.from_file(path)


def test_missing_file_folder_and_pipe_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o600)

    with pytest.raises(CredentialsError, match="none: No such file or directory; allowed: a readable file"):
        Credentials.from_file(tmp_path / "none")
    with pytest.raises(CredentialsError, match="found no regular file"):
        Credentials.from_file(tmp_path)
    with pytest.raises(CredentialsError, match="found no regular file"):
        Credentials.from_file(tmp_path / "pipe")
    with pytest.raises(CredentialsError, match="key descriptor 999999: Bad file descriptor"):
        Credentials.from_descriptor(999_999)


def test_inherited_memory_descriptor_is_read_again_and_again():
    made = Credentials.fresh()
    descriptor = made.memory_descriptor()
    try:
        first, second = Credentials.from_descriptor(descriptor), Credentials.from_descriptor(descriptor)
    finally:
        os.close(descriptor)

    assert first.sign(b"x") == second.sign(b"x") == made.sign(b"x")


def test_named_file_behind_a_descriptor_is_held_to_its_mode(tmp_path):
    path = tmp_path / "key.toml"
    generate(path)
    path.chmod(0o644)
    with path.open("rb") as file, pytest.raises(CredentialsError, match="found mode 0644, allowed 0600"):
        Credentials.from_descriptor(file.fileno())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace('"""', "'", 1), "found no TOML"),
        (lambda text: text + "passphrase = 1\n", "found 3 keys, 1 of them unknown, allowed: api_key and private_key"),
        (lambda text: text.replace("api_key", "apikey"), "found 2 keys, 1 of them unknown"),
        (lambda text: text.replace("PRIVATE KEY", "PUBLIC KEY"), "private_key: found no readable PEM"),
        (lambda text: text.replace("MC4CAQ", "MC4CAR"), "private_key: found no readable PEM"),
        (lambda text: text.replace('api_key = "', 'api_key = "a b'), "api_key: found something else"),
        (lambda text: text + "#" * 5_000, "bytes, allowed up to 4096"),
    ],
)
def test_canary_of_a_broken_key_file_appears_in_no_message_and_no_traceback(tmp_path, change, message):
    path = tmp_path / "key.toml"
    generate(path)
    secrets = secret_of(path)
    path.write_text(change(path.read_text()))
    path.chmod(0o600)

    with pytest.raises(CredentialsError, match=message) as caught:
        Credentials.from_file(path)
    frames = caught.tb.tb_next  # without this test's own, which holds the secret to look for
    error = caught.value
    told = "".join(traceback.TracebackException(type(error), error, frames, capture_locals=True).format())
    assert len(secrets) == 1
    assert "from_descriptor" in told
    assert secrets[0][10:30] not in told
    assert str(path) in str(caught.value)


def test_canary_appears_in_no_repr_and_cannot_be_pickled_or_copied(tmp_path):
    path = tmp_path / "key.toml"
    credentials = generate(path)
    shown = (
        repr(credentials) + str(credentials) + f"{credentials!r}" + repr(credentials.verifier()) + str([credentials])
    )

    assert secret_of(path)[0] not in shown
    assert repr(credentials) == f"Credentials(api_key='{credentials.api_key[:4]}...', private key hidden)"
    assert not hasattr(credentials, "__dict__")
    for action in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot be pickled"):
            action(credentials)


def test_verifier_travels_and_holds_no_private_key():
    credentials = Credentials.fresh()
    verifier = pickle.loads(pickle.dumps(credentials.verifier()))

    assert verifier == credentials.verifier()
    assert verifier.verify(b"text", credentials.sign(b"text"))
    assert not verifier.verify(b"texT", credentials.sign(b"text"))
    for nonsense in ("", "!!!", "AAAA", base64.b64encode(bytes(64)).decode(), "\u20ac"):
        assert not verifier.verify(b"text", nonsense)


def test_signed_target_verifies_wherever_its_fields_stand():
    credentials = Credentials.fresh()
    verifier = credentials.verifier()
    key = credentials.api_key
    target = credentials.signed_target("/fapi/v1/order?symbol=BTCUSDT&side=BUY", NOW_MS)
    query = target.partition("?")[2]
    *others, signature = query.split("&")
    moved = "&".join([signature, *others])

    assert set(parse_qs(query)) == {"symbol", "side", "timestamp", "signature"}
    assert verifier.verify_request(key, query, "", NOW_MS + 5_000) == 0
    assert verifier.verify_request(key, moved, "", NOW_MS) == 0
    assert verifier.verify_request(key, "", query, NOW_MS) == 0
    assert verifier.verify_request("another", query, "", NOW_MS) == BAD_KEY
    assert verifier.verify_request(key, query, "", NOW_MS + 5_001) == BAD_TIMESTAMP
    assert verifier.verify_request(key, query, "", NOW_MS - 1_000) == BAD_TIMESTAMP
    assert verifier.verify_request(key, query.replace("BUY", "SELL"), "", NOW_MS) == BAD_SIGNATURE
    assert verifier.verify_request(key, query.partition("&signature")[0], "", NOW_MS) == BAD_SIGNATURE
    assert verifier.verify_request(key, "", "", NOW_MS) == BAD_TIMESTAMP


def test_frames_that_are_no_logon_are_left_alone():
    verifier = Credentials.fresh().verifier()

    for frame in (b"", b"{}", b'{"method":"order.place"}', b'"session.logon"', b'{"method":"session.logon"}', b"\xff"):
        assert verifier.answer_logon(frame, NOW_MS) is None


def test_logon_window_and_odd_parameters_are_judged():
    credentials = Credentials.fresh()
    verifier = credentials.verifier()
    frame = credentials.logon_frame("1", NOW_MS)

    assert verifier.answer_logon(frame, NOW_MS + 5_000)[0]
    assert not verifier.answer_logon(frame, NOW_MS + 5_001)[0]
    assert verifier.answer_logon(frame[:-2], NOW_MS) is None
    assert not verifier.answer_logon(b'{"method":"session.logon","params":{"apiKey":[1]}}', NOW_MS)[0]
    odd = b'{"method":"session.logon","params":{"apiKey":"%s","timestamp":%d,"signature":7}}'
    assert not verifier.answer_logon(odd % (credentials.api_key.encode(), NOW_MS), NOW_MS)[0]
