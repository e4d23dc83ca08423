// A form that a passkey answers: its button asks the server what to do, has the browser make or use a key, and sends the answer
// along. Without JavaScript or without passkeys the form stays hidden, and the page's other way serves.

const WORDS = {
  create: "La clé d’accès n’a pas été créée. Recommencez, ou utilisez une application.",
  get: "La clé d’accès n’a pas répondu. Recommencez, ou saisissez un code.",
};

if (globalThis.PublicKeyCredential) document.querySelectorAll("form[data-passkey]").forEach(enable);

function enable(form) {
  const kind = form.dataset.passkey;
  const answer = form.elements.namedItem("reponse");
  const button = form.querySelector("button");
  const state = form.querySelector("[data-passkey-state]");
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    state.textContent = "";
    try {
      const body = new URLSearchParams({ csrf_token: form.elements.namedItem("csrf_token").value });
      const asked = await fetch(form.dataset.options, { method: "POST", body, headers: { Accept: "application/json" } });
      if (!asked.ok || asked.redirected) throw new Error(asked.statusText);
      const publicKey = read(await asked.json());
      answer.value = JSON.stringify(written(await navigator.credentials[kind]({ publicKey })));
      form.submit();
    } catch {
      state.textContent = WORDS[kind];
      button.disabled = false;
      button.focus();
    }
  });
}

// The server writes bytes in base64url: what isn't a string of bytes stays as it is.
function read(options) {
  const descriptor = (one) => ({ ...one, id: bytes(one.id) });
  return {
    ...options,
    challenge: bytes(options.challenge),
    ...(options.user && { user: { ...options.user, id: bytes(options.user.id) } }),
    ...(options.excludeCredentials && { excludeCredentials: options.excludeCredentials.map(descriptor) }),
    ...(options.allowCredentials && { allowCredentials: options.allowCredentials.map(descriptor) }),
  };
}

function written(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = text(credential.response[name]);
  }
  return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response };
}

function bytes(base64url) {
  return Uint8Array.from(atob(base64url.replaceAll("-", "+").replaceAll("_", "/")), (sign) => sign.charCodeAt(0));
}

function text(buffer) {
  const signs = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(signs).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
