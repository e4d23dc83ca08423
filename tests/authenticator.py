"""A passkey's device in a few lines, for tests without a browser: makes a key, signs challenges, can be told to lie."""

from __future__ import annotations

import hashlib
import json
import secrets
import struct
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import bytes_to_base64url, encode_cbor

_PRESENT, _VERIFIED, _ATTESTED = 0x01, 0x04, 0x40


@dataclass
class Authenticator:
    """A device, at a site that it believes to be `origin`."""

    origin: str = "http://localhost"
    counter: int = 0
    id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def create(self, options: str) -> str:
        """The answer to `passkeys.creation_options`."""
        asked = json.loads(options)
        point = self.key.public_key().public_numbers()
        cose = encode_cbor({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")})
        credential = bytes(16) + struct.pack(">H", len(self.id)) + self.id + cose
        data = self._data(asked["rp"]["id"], _PRESENT | _VERIFIED | _ATTESTED) + credential
        return self._answer(
            clientDataJSON=self._client("webauthn.create", asked),
            attestationObject=encode_cbor({"fmt": "none", "attStmt": {}, "authData": data}),
        )

    def get(self, options: str) -> str:
        """The answer to `passkeys.request_options`."""
        asked = json.loads(options)
        self.counter += 1
        data = self._data(asked["rpId"], _PRESENT | _VERIFIED)
        client = self._client("webauthn.get", asked)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        return self._answer(clientDataJSON=client, authenticatorData=data, signature=signature)

    def _data(self, domain: str, flags: int) -> bytes:
        return hashlib.sha256(domain.encode()).digest() + struct.pack(">BI", flags, self.counter)

    def _client(self, kind: str, asked: dict[str, Any]) -> bytes:
        return json.dumps({"type": kind, "challenge": asked["challenge"], "origin": self.origin}).encode()

    def _answer(self, **response: bytes) -> str:
        written = bytes_to_base64url(self.id)
        return json.dumps(
            {
                "id": written,
                "rawId": written,
                "type": "public-key",
                "response": {name: bytes_to_base64url(value) for name, value in response.items()},
            }
        )
