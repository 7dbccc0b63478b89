"""Signatures of bundles, with keys of the test's own making; OpenSSL is the judge where it is installed."""

import shutil
import subprocess

import pytest

from edgeacc.bundle.bundle import open_bundle
from edgeacc.bundle.sums import write_sums
from edgeacc.errors import BadInput, NotPossibleHere

pytest.importorskip("cryptography", reason="the extra `sign` is not installed")
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edgeacc.bundle.signature import check_signature, private_key, public_key, sign


def write_private(path, key, encryption=None):
    encryption = encryption or pem.NoEncryption()
    path.write_bytes(key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, encryption))
    return path


def write_public(path, key):
    path.write_bytes(key.public_key().public_bytes(pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo))
    return path


@pytest.fixture
def keys(tmp_path):
    """Files of a private key and its public one."""
    key = Ed25519PrivateKey.from_private_bytes(b"0123456789abcdef" * 2)
    return write_private(tmp_path / "key.pem", key), write_public(tmp_path / "public.pem", key)


@pytest.fixture
def signed(folder, keys):
    sign(folder, private_key(keys[0]))
    return folder


def test_a_signed_bundle_is_a_bundle_signed_by_its_key(signed, keys):
    check_signature(signed, public_key(keys[1]))
    open_bundle(signed)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_reads_the_signature(signed, keys):
    words = ("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", keys[1], "-rawin", "-in", signed / "SHA256SUMS")
    ran = subprocess.run([*words, "-sigfile", signed / "SHA256SUMS.sig"], capture_output=True, text=True, check=False)
    assert "Verified Successfully" in ran.stdout


def test_a_changed_file_with_renewed_hashes_is_refused(signed, keys):
    (signed / "card.md").write_text("approved for diagnosis")
    write_sums(signed)
    open_bundle(signed)  # the hashes are right
    with pytest.raises(BadInput, match="not signed by that key"):
        check_signature(signed, public_key(keys[1]))


def test_another_key_is_refused(signed, tmp_path):
    other = write_public(tmp_path / "other.pem", Ed25519PrivateKey.from_private_bytes(bytes(32)))
    with pytest.raises(BadInput, match="not signed by that key"):
        check_signature(signed, public_key(other))


def test_no_signature_a_link_or_a_short_one(signed, keys, tmp_path):
    path, key = signed / "SHA256SUMS.sig", public_key(keys[1])
    whole = path.read_bytes()
    path.write_bytes(whole[:63])
    with pytest.raises(BadInput, match="not signed by that key"):
        check_signature(signed, key)
    with pytest.raises(BadInput, match=r"SHA256SUMS\.sig: 63 bytes"):
        open_bundle(signed)
    path.unlink()
    with pytest.raises(BadInput, match="is not signed"):
        check_signature(signed, key)
    (tmp_path / "elsewhere").write_bytes(whole)
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadInput, match="is not signed"):
        check_signature(signed, key)


def test_keys_of_another_kind_with_a_password_or_no_keys(keys, tmp_path):
    exchange, own = X25519PrivateKey.from_private_bytes(bytes(32)), Ed25519PrivateKey.from_private_bytes(bytes(32))
    locked = pem.BestAvailableEncryption(b"secret")
    for read, path, said in (
        (private_key, tmp_path / "none.pem", "cannot read the key"),
        (private_key, keys[1], "no private key"),
        (public_key, keys[0], "no public key"),
        (private_key, write_private(tmp_path / "x.pem", exchange), "of another kind"),
        (public_key, write_public(tmp_path / "y.pem", exchange), "of another kind"),
        (private_key, write_private(tmp_path / "p.pem", own, locked), "Password was not given"),
    ):
        with pytest.raises(BadInput, match=said) as caught:
            read(path)
        assert "openssl genpkey" in caught.value.next_command


def test_without_the_package_the_extra_is_named(keys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cryptography", None)
    with pytest.raises(NotPossibleHere) as caught:
        private_key(keys[0])
    assert "edgeacc[sign]" in caught.value.next_command
