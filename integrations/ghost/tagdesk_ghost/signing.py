"""Ghost's two signatures: the one on its webhooks, and the token that its Admin API asks for."""

import base64
import hashlib
import hmac
import json
import re

FRESH = 300.0
"""Seconds that a webhook's time may be off: what is older may be a recorded one, sent again."""

TOKEN_SECONDS = 300
"""How long a token lives: the longest that Ghost accepts."""

_parts = re.compile(r"sha256=([0-9a-f]{64}), ?t=([0-9]{10,16})").fullmatch


def is_from_ghost(header: str, body: bytes, secret: str, now: float) -> bool:
    """Tell whether a webhook is signed with the secret, and was so just now.

    Args:
        header: `X-Ghost-Signature`: `sha256=<HMAC of the body and the time>, t=<milliseconds>`.
        body: the bytes as they came.
        secret: what both sides know.
        now: seconds since the epoch.
    """
    found = _parts(header)
    if found is None:
        return False
    signature, moment = found.groups()
    expected = hmac.new(secret.encode(), body + moment.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, signature) and abs(now - int(moment) / 1000) <= FRESH


def admin_token(key: str, now: float) -> str:
    """Return a token for the Admin API: a JSON Web Token, HS256.

    Args:
        key: `id:secret`, the secret in hexadecimal digits.
        now: seconds since the epoch.
    """
    name, _, secret = key.partition(":")
    head = {"alg": "HS256", "typ": "JWT", "kid": name}
    claims = {"iat": int(now), "exp": int(now) + TOKEN_SECONDS, "aud": "/admin/"}
    signed = f"{_encoded(json.dumps(head).encode())}.{_encoded(json.dumps(claims).encode())}"
    signature = hmac.new(bytes.fromhex(secret), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_encoded(signature)}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
