"""An optional Ed25519 signature of SHA256SUMS, and so of every file of a bundle: `SHA256SUMS.sig`, 64 raw bytes.

Keys are PEM files as `openssl genpkey -algorithm ed25519` and `openssl pkey -pubout` write them, and
`openssl pkeyutl -verify -rawin` reads the signature too.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeacc.bundle.sums import SIGNATURE, require_bundle
from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.files import SUMS

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_MAKE = "openssl genpkey -algorithm ed25519 -out KEY.pem && openssl pkey -in KEY.pem -pubout -out PUBLIC.pem"


def private_key(path: Path) -> "Ed25519PrivateKey":
    """Read the key that signs.

    Raises:
        BadInput: missing, with a password, or no Ed25519 private key in PEM.
        NotPossibleHere: the extra `sign` is not installed.
    """
    _require_cryptography()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key: Ed25519PrivateKey = _read(
        path, lambda content: load_pem_private_key(content, password=None), Ed25519PrivateKey, "private"
    )
    return key


def public_key(path: Path) -> "Ed25519PublicKey":
    """Read the key that checks; raises as `private_key`."""
    _require_cryptography()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    key: Ed25519PublicKey = _read(path, load_pem_public_key, Ed25519PublicKey, "public")
    return key


def sign(folder: Path, key: "Ed25519PrivateKey") -> None:
    """Sign a bundle whose SHA256SUMS is written."""
    (folder / SIGNATURE).write_bytes(key.sign((folder / SUMS).read_bytes()))


def check_signature(folder: Path, key: "Ed25519PublicKey") -> None:
    """Refuse a bundle that is not signed by this key; the hashes are for `edgeacc.bundle.sums.check_sums` to check.

    Raises:
        BadInput: no bundle, no signature, another key's, or SHA256SUMS was changed.
    """
    from cryptography.exceptions import InvalidSignature

    require_bundle(folder)
    path = folder / SIGNATURE
    if path.is_symlink() or not path.is_file():
        raise BadInput(
            f"bundle {folder} is not signed", valid=f"a bundle with {SIGNATURE}: edgeacc export --sign KEY.pem"
        )
    try:
        key.verify(path.read_bytes(), (folder / SUMS).read_bytes())
    except InvalidSignature as error:
        raise BadInput(
            f"bundle {folder} is not signed by that key, or {SUMS} was changed after it was signed",
            valid="the public key of who made the bundle, and the bundle as it was made",
        ) from error


def _require_cryptography() -> None:
    try:
        import cryptography  # noqa: F401
    except ImportError as error:
        raise NotPossibleHere(
            "cannot sign or check signatures: not installed: cryptography",
            valid="the extra `sign`",
            next_command="pip install 'edgeacc[sign]'",
        ) from error


def _read(path: Path, load: Callable[[bytes], object], kind: type[Any], what: str) -> Any:  # noqa: ANN401
    from cryptography.exceptions import UnsupportedAlgorithm

    valid = f"an Ed25519 {what} key in PEM, without a password"
    try:
        key = load(path.read_bytes())
    except OSError as error:
        raise BadInput(f"cannot read the key {path}: {error.strerror}", valid=valid, next_command=_MAKE) from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:  # TypeError: it has a password
        raise BadInput(f"{path} is no {what} key: {error}", valid=valid, next_command=_MAKE) from error
    if not isinstance(key, kind):
        raise BadInput(f"{path} is a key of another kind ({type(key).__name__})", valid=valid, next_command=_MAKE)
    return key
